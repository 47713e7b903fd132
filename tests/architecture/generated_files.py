"""Hold the generated betterproto stubs to a fresh generation. `--publish` takes new fields into the list."""

import subprocess
import sys
import tempfile
from pathlib import Path

from proto.structs import OUTPUTS, generated
from tests.architecture.drawn_docs import stale_pages
from tests.contract.descriptors import PUBLISHED, ROOT, fields

STUBS = ROOT / "proto" / "gen" / "oms" / "v1" / "__init__.py"
DESCRIPTORS = ROOT / "proto" / "gen" / "descriptors.binpb"


def stubs_differ() -> bool:
    """Generate the stubs and the descriptors anew beside the kept ones. Returns whether any differ."""
    sources = [str(path) for path in sorted((ROOT / "proto" / "oms" / "v1").glob("*.proto"))]
    with tempfile.TemporaryDirectory() as folder:
        plugin = Path(sys.executable).parent / "protoc-gen-python_betterproto"
        command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(ROOT / "proto")]
        command += [
            f"--plugin=protoc-gen-python_betterproto={plugin}",
            f"--python_betterproto_out={folder}",
            f"--descriptor_set_out={Path(folder) / DESCRIPTORS.name}",
            "--include_imports",
            *sources,
        ]
        subprocess.run(command, check=True, capture_output=True)
        made = Path(folder) / "oms" / "v1" / "__init__.py"
        return (
            made.read_text() != STUBS.read_text()
            or (Path(folder) / DESCRIPTORS.name).read_bytes() != DESCRIPTORS.read_bytes()
        )


def structs_differ() -> bool:
    """Generate the Structs anew. Returns whether one of their modules differs."""
    return any(OUTPUTS[name].read_text() != text for name, text in generated().items())


def main() -> int:
    """Compare, or with --publish write the list of published fields."""
    if "--publish" in sys.argv:
        kept = set(PUBLISHED.read_text().splitlines()) if PUBLISHED.exists() else set()
        PUBLISHED.write_text("".join(f"{line}\n" for line in sorted(kept | set(fields()))))
        return 0
    stale = stale_pages()
    if stale:
        print(f"docs/{', docs/'.join(stale)} is not what the code draws; run `make docs`", file=sys.stderr)
        return 1
    if stubs_differ() or structs_differ():
        print("what is generated is not what proto/oms/v1 generates; run `make proto`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
