"""Options of the command line that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout at the end.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print the report's path alone.")]
ForkName = Annotated[
    str | None, typer.Option("--fork", metavar="NEW", help="Begin study NEW with the trials of --study.")
]
Runs = Annotated[str | None, typer.Option(metavar="DIR", help="Where study folders go; default: runs.")]
Timeout = Annotated[str | None, typer.Option(metavar="TIME", help="Stop after so long: 90s, 30m, 2h, 1h30m.")]
TrialTimeout = Annotated[str | None, typer.Option(metavar="TIME", help="Stop a trial that takes longer.")]
Stall = Annotated[
    str | None, typer.Option(metavar="TIME", help="A trial silent for so long is taken for hung; default: 10m.")
]
StorageWait = Annotated[
    str | None, typer.Option(metavar="TIME", help="Wait this long for an unavailable database; default: 10m.")
]
ClusterWait = Annotated[
    str | None, typer.Option(metavar="TIME", help="Wait this long for a cluster without workers; default: 10m.")
]
Storage = Annotated[
    str | None, typer.Option(metavar="URL", help="Database of the study; or env:NAME, file:PATH. Default: a file.")
]
