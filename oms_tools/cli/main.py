"""The `oms` command and its groups.

The law of this file: a command's module is imported when the command is run or asked for its own help, so
that `oms --help` and a simple command wait for nothing that they do not use.
"""

import sys
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

import click

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

COMMANDS_OF_TOOLS: Final = "oms.commands"
DISTRIBUTION: Final = "oms-sor"


class Listed(NamedTuple):
    """A command in the list of `oms --help`: its line, and its place, MODULE:NAME.

    Without a place it is an entry point of a tool.
    """

    line: str
    place: str = ""


_CLI: Final = "oms_tools.cli"
COMMANDS: Final[Mapping[str, Listed]] = {
    "account": Listed(
        "Open an account, suspend and close it, and say who may trade for it",
        f"{_CLI}.account_commands:account",
    ),
    "accounts": Listed("List the accounts that a persona sees", f"{_CLI}.desk_commands:accounts"),
    "alerts": Listed(
        "Look at limits that are near or passed, and say that they were seen",
        f"{_CLI}.alert_commands:alerts",
    ),
    "algo": Listed(
        "Show the plan of an order that is worked over time against what was done",
        f"{_CLI}.desk_commands:algo",
    ),
    "algo-lab": Listed(
        "Work seeded orders on core's own machine with a model of venues, and hold them to their schedule"
    ),
    "audit": Listed(
        "Hold the audit to its chains, take it along, list who changed what", f"{_CLI}.audit_commands:audit"
    ),
    "basket": Listed(
        "Send a list of up to 500 orders from a CSV or JSON file, all of them or none",
        f"{_CLI}.basket_commands:basket",
    ),
    "bench": Listed(
        "Send orders at a constant rate; report latency by hop, what an order cost, what was lost or doubled",
        f"{_CLI}.bench_commands:bench",
    ),
    "bench-decisions": Listed("Time one decision on six venues with five levels, for every strategy"),
    "cancel": Listed("Ask to cancel an order", f"{_CLI}.order_commands:cancel"),
    "cancel-all": Listed(
        "Ask to cancel every open order of a selection", f"{_CLI}.change_commands:cancel_all"
    ),
    "cash": Listed(
        "Look at what moved an account's cash beside executions; deposit and withdraw",
        f"{_CLI}.position_commands:cash",
    ),
    "corporate-action": Listed(
        "Split or rename what all accounts hold of a symbol", f"{_CLI}.position_commands:corporate_action"
    ),
    "demo": Listed(
        "Run the whole thing and show an order from REST to its explained fill", f"{_CLI}.demo:demo"
    ),
    "dlq": Listed(
        "Look at what was set aside because it could not be read, handled or stored; send it again",
        f"{_CLI}.dlq_commands:dlq",
    ),
    "doctor": Listed("Check a running deployment"),
    "down": Listed("Stop the stack", f"{_CLI}.stack_commands:down"),
    "exceptions": Listed(
        "Look at what venues said that could not be applied as it is, and close it",
        f"{_CLI}.exception_commands:exceptions",
    ),
    "explain": Listed(
        "Tell an order's story: its events, why it was routed as it was, its fills",
        f"{_CLI}.order_commands:explain",
    ),
    "calendar": Listed(
        "Load the sessions of an exchange, show when markets trade, and change a day",
        f"{_CLI}.calendar_commands:calendar",
    ),
    "export-routes": Listed(
        "Write every route of a time, with its inputs, plan, book and reference, as JSON lines"
    ),
    "fix": Listed(
        "Look at the venues' FIX sessions and at what went over them, and ask things of them",
        f"{_CLI}.fix_commands:fix",
    ),
    "fix-clients": Listed(
        "Let clients send orders over FIX, or copy what becomes of orders: their sessions as data",
        f"{_CLI}.fix_client_commands:fix_clients",
    ),
    "halt": Listed(
        "Halt a symbol, or list what is halted: new orders are denied, cancels go on",
        f"{_CLI}.halt_commands:halt",
    ),
    "instrument": Listed(
        "List an instrument, take it off the list, change its tick, round lot or sector",
        f"{_CLI}.instrument_commands:instrument",
    ),
    "kill": Listed(
        "Stop orders of any scope from the doors to the last gate; cancels still go out",
        f"{_CLI}.kill_commands:kill",
    ),
    "limits": Listed(
        "Look at the rules of pre-trade risk, and set their limits, by scope",
        f"{_CLI}.limit_commands:limits",
    ),
    "surveillance": Listed(
        "Hold a day's orders and executions to patterns of abuse, and review what was found",
        f"{_CLI}.surveillance_commands:surveillance",
    ),
    "locates": Listed(
        "Look at locates and the easy-to-borrow list of a day, and load them",
        f"{_CLI}.locate_commands:locates",
    ),
    "login": Listed(
        "Log in at the issuer, for every later command that does not name a --user",
        f"{_CLI}.log_in_commands:login",
    ),
    "logout": Listed("End the log-in, here and at the issuer", f"{_CLI}.log_in_commands:logout"),
    "migrate": Listed("Bring a database to this version's schema", f"{_CLI}.stack_commands:migrate_command"),
    "orders": Listed("List orders, the newest first", f"{_CLI}.desk_commands:orders"),
    "override": Listed(
        "Let an order pass once that risk denied, look at such leave, or take it back",
        f"{_CLI}.override_commands:override",
    ),
    "pnl": Listed(
        "Show an account's cash, and its profit and loss by symbol, in dollars",
        f"{_CLI}.position_commands:pnl",
    ),
    "positions": Listed(
        "Show what accounts hold and what it is worth; load it, and work it out again",
        f"{_CLI}.position_commands:positions",
    ),
    "preview": Listed(
        "Show the plan, its cost and the risk verdict of an order that is not sent",
        f"{_CLI}.routing_commands:preview",
    ),
    "profile": Listed(
        "Say what an order costs in each process, by line of work, and what wakes up without any"
    ),
    "quote": Listed(
        "Show the national best bid and offer of symbols, their last trade and volume; times are UTC",
        f"{_CLI}.desk_commands:quote",
    ),
    "reconcile": Listed("Compare what we hold with what venues say", f"{_CLI}.reconcile_commands:reconcile"),
    "replace": Listed(
        "Ask to change an order's quantity, prices, display or time in force",
        f"{_CLI}.change_commands:replace",
    ),
    "replay-routes": Listed("Decide a whole time's routes again under another profile, from the audit alone"),
    "resume": Listed("Ask to go on with a suspended order", f"{_CLI}.change_commands:resume"),
    "resume-all": Listed(
        "Ask to go on with every suspended order of a selection", f"{_CLI}.change_commands:resume_all"
    ),
    "retention": Listed(
        "Drop the partitions of routes, of what they were decided on, and of quotes that are old enough"
    ),
    "routing": Listed(
        "Show by what orders are routed, change a routing profile or retire it, and say who did and why",
        f"{_CLI}.profile_commands:routing",
    ),
    "scorecards": Listed(
        "Show every venue's scorecard: fills, latency, rejects, price improvement, markouts, closures"
    ),
    "simulate": Listed(
        "Run the whole system in one thread while everything goes wrong, and hold it to its invariants"
    ),
    "sor-lab": Listed(
        "Route one seeded flow by every strategy, by naive routers and by an oracle, and compare what it cost"
    ),
    "status": Listed("Show every process of the stack", f"{_CLI}.stack_commands:status"),
    "submit": Listed(
        "Send one order and print the answer; with --wait a line of what became of it",
        f"{_CLI}.order_commands:submit",
    ),
    "suspend": Listed(
        "Ask to take an order out of the market, to go on with it later", f"{_CLI}.change_commands:suspend"
    ),
    "suspend-all": Listed(
        "Ask to take every open order of a selection out of the market, to go on with it later",
        f"{_CLI}.change_commands:suspend_all",
    ),
    "tca": Listed(
        "Show execution quality: spreads, price improvement, fees, markouts, implementation shortfall"
    ),
    "token": Listed(
        "Print an access token of who is logged in, or of a demo persona", f"{_CLI}.log_in_commands:token"
    ),
    "unhalt": Listed(
        "Let a symbol trade again; what is left of its orders goes on within seconds",
        f"{_CLI}.halt_commands:unhalt",
    ),
    "up": Listed("Start the whole stack on this machine", f"{_CLI}.stack_commands:up"),
    "verify": Listed("Hold every invariant", f"{_CLI}.verify_commands:verify"),
    "watch": Listed(
        "Print every state change of accounts as it happens, until Ctrl-C", f"{_CLI}.order_commands:watch"
    ),
    "whoami": Listed("Say who acts, with which rights, for which accounts", f"{_CLI}.log_in_commands:whoami"),
    "whatif": Listed(
        "Decide a stored route again with other weights, fees, venues or profile; show the difference",
        f"{_CLI}.routing_commands:whatif",
    ),
}
# Errors that say in one sentence what is wrong. A module that was never imported has raised none.
_SENTENCES: Final = (
    ("oms_tools.laptop.layout", "StackError"),
    ("oms_client.errors", "ApiError"),
    ("psycopg", "OperationalError"),
    ("confluent_kafka", "KafkaException"),
)


class OmsGroup(click.Group):
    """The commands of COMMANDS, and others that are installed as entry points of `oms.commands`."""

    def _entries(self) -> "dict[str, EntryPoint]":
        # Reading what is installed takes longer than most commands' own start.
        from importlib.metadata import entry_points  # noqa: PLC0415

        return {entry.name: entry for entry in entry_points(group=COMMANDS_OF_TOOLS)}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is asked for; of a name that is none, say which is the nearest."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if near := get_close_matches(args[0], self.list_commands(ctx), n=1):
                raise click.UsageError(f"{error.message} The nearest is {near[0]!r}.", ctx) from None
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command's name."""
        return sorted({*COMMANDS, *self._entries()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing its module; None for a name that is none."""
        listed = COMMANDS.get(cmd_name)
        if listed is not None and listed.place:
            module, _, name = listed.place.partition(":")
            own: click.Command = getattr(import_module(module), name)
            return own
        entry = self._entries().get(cmd_name)
        if entry is None:
            return None
        command: click.Command = entry.load()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line a command, without importing those of COMMANDS."""
        names = self.list_commands(ctx)
        limit = formatter.width - 6 - max(len(name) for name in names)
        rows = [(name, self._line(ctx, name, limit)) for name in names]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _line(self, ctx: click.Context, name: str, limit: int) -> str:
        listed = COMMANDS.get(name)
        command = self.get_command(ctx, name) if listed is None else click.Command(name, help=listed.line)
        return "" if command is None else command.get_short_help_str(limit)


@click.group(cls=OmsGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "--version", package_name=DISTRIBUTION, prog_name="oms")
def cli() -> None:
    """Run and use the OMS-SOR platform.

    Every command that needs the stack takes its folder by --data or OMS_DATA.
    """


def sentence_of(error: Exception) -> str | None:
    """Return what to show of an error that says itself what is wrong, None for any other."""
    for module, name in _SENTENCES:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and isinstance(error, kind):
            return str(error).strip()
    return None


def main() -> None:
    """Run the command; an error that has a sentence is shown as that sentence."""
    try:
        cli()
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        click.secho("error: ", fg="red", bold=True, nl=False, err=True)
        click.echo(sentence, err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
