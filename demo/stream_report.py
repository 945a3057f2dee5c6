"""Prints what went through the stream: the attack, the largest counts, the archive."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from demo.alerts import Alert
from demo.report import new_table
from demo.stream import Streamed

WINDOWS_SHOWN = 5


def show(console: Console, streamed: Streamed) -> None:
    """Prints all of it."""
    console.print()
    console.print(windows(streamed))
    console.print()
    console.print(archive(streamed), soft_wrap=True)
    for alert in streamed.alerts:
        console.print()
        # A link that is broken into lines cannot be opened.
        console.print(mail(alert), soft_wrap=True)


def windows(streamed: Streamed) -> Table:
    """The windows with the most actions, the final counts and the early ones beside them."""
    counts = streamed.counts
    table = new_table(f"Actions per user in 10 s, the first {WINDOWS_SHOWN} of {len(counts.final):,} windows", "user")
    for name in ("from (UTC)", "early count", "final count"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", justify="left")
    keys = sorted(counts.final | counts.early, key=lambda key: (-counts.final.get(key, counts.early.get(key, 0)), key))
    for user, begin in keys[:WINDOWS_SHOWN]:
        early, final = counts.early.get((user, begin)), counts.final.get((user, begin))
        table.add_row(
            str(user),
            f"{begin:%Y-%m-%d %H:%M:%S}",
            "" if early is None else f"{early:,}",
            "not closed" if final is None else f"{final:,}",
            "the planted attack" if user == streamed.sent.attacker else "",
            style="bold red" if early else "",
        )
    return table


def mail(alert: Alert) -> Text:
    """The mail as the operator got it, and when."""
    seconds = f"{alert.milliseconds / 1000:.1f} s after the click that was too much"
    head = f"\n         to {alert.mail.address}, {seconds}\n\n"
    body = alert.mail.text().partition("\n-- \n")[0].partition("\n--\n")[0].strip()
    return Text.assemble(("Mail     ", "bold"), (alert.mail.subject, "bold red"), head, body)


def archive(streamed: Streamed) -> Text:
    """Sent against archived, and what Flink left out."""
    folder = streamed.archive.objects[0].rpartition("/")[0]
    shares = streamed.sent.account["shards"]
    busiest = max((total["records"] for total in shares.values()), default=0) / max(streamed.sent.events, 1)
    return Text.assemble(
        ("Archive  ", "bold"),
        f"{len(streamed.archive.clicks):,} of {streamed.sent.events:,} clicks in {folder}/\n",
        ("Flink    ", "bold"),
        f"{streamed.late:,} late (docs/streaming.md says of what), {streamed.malformed:,} malformed\n",
        ("Shards   ", "bold"),
        f"{len(shares)} of {streamed.sent.account['open_shards']}, the busiest with {busiest:.0%}; ",
        f"the hottest {streamed.sent.account['partition_key']} has {streamed.sent.account['hottest_key_share']:.0%}",
    )
