"""Settings: what is wrong is named all at once, a service's own variable wins over the shared one."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from oms_platform.settings import SettingsError, load_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    kafka_bootstrap: str
    http_port: int
    data: Path = Path("data")
    ratio: float = 0.5
    traced: bool = False


COMPLETE = {"OMS_KAFKA_BOOTSTRAP": "shared:9092", "OMS_API_HTTP_PORT": "8080"}


def test_values_are_read_in_the_types_of_their_fields_and_defaults_fill_the_rest() -> None:
    assert load_settings(Example, "OMS_API_", COMPLETE) == Example(
        kafka_bootstrap="shared:9092", http_port=8080
    )
    more = {"OMS_API_DATA": "/tmp/x", "OMS_API_RATIO": "0.25", "OMS_API_TRACED": "Yes"}
    found = load_settings(Example, "OMS_API_", COMPLETE | more)
    assert (found.data, found.ratio, found.traced) == (Path("/tmp/x"), 0.25, True)


def test_a_services_own_variable_wins_over_the_shared_one() -> None:
    environ = COMPLETE | {"OMS_API_KAFKA_BOOTSTRAP": "own:9092"}
    assert load_settings(Example, "OMS_API_", environ).kafka_bootstrap == "own:9092"
    assert load_settings(Example, "OMS_CORE_", environ | {"OMS_CORE_HTTP_PORT": "1"}).kafka_bootstrap == (
        "shared:9092"
    )


def test_every_missing_and_every_unreadable_variable_is_named_in_one_error() -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(Example, "OMS_API_", {"OMS_API_HTTP_PORT": "eighty", "OMS_API_TRACED": "perhaps"})
    message = str(error.value)
    assert "OMS_API_KAFKA_BOOTSTRAP (or OMS_KAFKA_BOOTSTRAP) is required" in message
    assert "OMS_API_HTTP_PORT cannot be read from 'eighty'" in message
    assert "OMS_API_TRACED cannot be read from 'perhaps': expected true or false" in message


def test_without_a_mapping_the_process_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    assert load_settings(Example, "OMS_API_").http_port == 8080
