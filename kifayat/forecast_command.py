"""`kifayat forecast`: the company's users and cost ahead, or any file's; `forecast backtest`: how good it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core import WrongUsage

if TYPE_CHECKING:
    from models.files import FileForecast, Series

forecast = typer.Typer(invoke_without_command=True, no_args_is_help=False)
_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH = 72

SeriesOption = Annotated[
    Path | None, typer.Option("--series", help="A CSV file: date and a number a day (docs/forecasting.md).")
]
EventsOption = Annotated[Path | None, typer.Option("--events", help="A CSV file of events: event, date, lo, hi, …")]
ColumnOption = Annotated[str | None, typer.Option("--column", help="Which column of numbers, if there are several.")]


@forecast.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    series: SeriesOption = None,
    events: EventsOption = None,
    column: ColumnOption = None,
    horizon: Annotated[int, typer.Option(min=1, max=1095, help="Days ahead, of a file.")] = 365,
    levels: Annotated[str, typer.Option(help="Bands in per cent, of a file.")] = "80,95",
    to: Annotated[Path | None, typer.Option("--to", help="Write it: .csv, .json or .png.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    force: Annotated[bool, typer.Option("--force", help="Forecast the company anew though nothing changed.")] = False,
) -> None:
    """Forecast the company's users and cost from what is loaded, and publish; or forecast any file.

    Example: kifayat forecast
    Example: kifayat forecast --series visits.csv --events events.csv --horizon 365 --levels 80,95
    """
    if context.invoked_subcommand is not None:
        return
    if series is None:
        if events is not None or column is not None:
            raise WrongUsage("--events and --column belong to a file", fix="give --series FILE.csv too")
        _company(context, force, to, as_json)
        return
    told, read = _of_file(series, events, column, horizon, levels, seed)
    _write(told, read, to, as_json)


@forecast.command()
def backtest(
    context: typer.Context, series: SeriesOption = None, events: EventsOption = None, column: ColumnOption = None
) -> None:
    """How wrong each candidate would have been, by days ahead: of a file, or of the published forecast.

    Example: kifayat forecast backtest
    Example: kifayat forecast backtest --series visits.csv --events events.csv
    """
    from kifayat import cli

    if series is None:
        from kifayat.output import show

        names = "metric, product, state, candidate, horizon_days, origins, wape, mase, bias, event_wape, peak_error"
        rows = cli._app(context).query(
            f"SELECT {names}, peak_days, cover80, cover95, is_champion FROM forecast_scores"
            " WHERE state = 'all' ORDER BY metric, product, horizon_days, wape"
        )
        if not rows.rows:
            raise WrongUsage("nothing has been forecast yet", fix="run `kifayat forecast`")
        show(rows, None)
        return
    told, _ = _of_file(series, events, column, 365, "80,95", 0)
    _remarks(told)
    _table(
        ["days ahead", "candidate", "origins", "WAPE", "MASE", "bias", "peak error", "days off", "in 80 %", "in 95 %"],
        [
            [str(s.horizon), s.candidate + (" ◀" if told.champion[s.horizon] == s.candidate else ""), str(s.origins),
             _share(s.wape), "" if s.mase is None else f"{s.mase:.2f}", _share(s.bias), _share(s.peak_error),
             "" if s.peak_days is None else f"{s.peak_days:g}", _share(s.cover80), _share(s.cover95)]
            for s in sorted(told.scores, key=lambda s: (s.horizon, s.wape if s.wape is not None else 9.0))
        ],
    )  # fmt: skip


def _company(context: typer.Context, force: bool, to: Path | None, as_json: bool) -> None:
    from kifayat import cli
    from kifayat.output import show

    app = cli._app(context)
    with cli.talk.status("starting") as status:

        def say(text: str) -> None:
            status.update(text)
            if not cli.talk.is_terminal:
                cli.talk.print(text, markup=False)

        done = app.forecast(say, force=force)
    made = "made" if done.is_new else "still the one of the same inputs"
    cli.talk.print(f"forecast {made}; generation {done.published.generation} published", markup=False)
    rows = app.query(
        "SELECT metric, month, round(q10) AS q10, round(q50) AS median, round(q90) AS q90 FROM forecast_monthly"
        " WHERE product = 'all' AND calendar = 'given' UNION ALL"
        " SELECT 'usage cost, INR', starts_on, round(q10), round(q50), round(q90) FROM cost_forecasts"
        " WHERE dimension = 'total' AND calendar = 'given' AND period = 'month' ORDER BY 1, 2"
    )
    show(rows, "json" if as_json and to is None else None, to)


def _of_file(
    series: Path, events: Path | None, column: str | None, horizon: int, levels: str, seed: int
) -> tuple[FileForecast, Series]:
    from dataclasses import replace

    from core import Clock
    from kifayat.cli import talk
    from models.files import forecast_series, read_events, read_series

    for path in (series, events):
        if path is not None and not path.is_file():
            raise WrongUsage("there is no such file", where=str(path), fix="name a CSV file")
    try:
        bands = [int(level) for level in levels.split(",")]
    except ValueError:
        raise WrongUsage(
            f"{levels!r} are no levels", where="--levels", expected="per cent, for example 80,95"
        ) from None
    with talk.status(f"reading {series}"):
        read = read_series(series, column, Clock().now().date())
        calendar = None
        if events is not None:
            calendar, odd = read_events(events, read)
            read = replace(read, remarks=(*read.remarks, *odd))
    with talk.status("fitting, trying candidates on earlier days"):
        return forecast_series(read, calendar, horizon, bands, seed), read


def _write(told: FileForecast, read: Series, to: Path | None, as_json: bool) -> None:
    import csv
    import json

    text = json.dumps(
        {"series": read.name, "champion": told.champion, "remarks": list(told.remarks), "forecast": told.rows()},
        indent=1,
    )
    if to is None and as_json:
        typer.echo(text)
        return
    _remarks(told)
    if to is None:
        _picture(told, read)
        return
    from warehouse import require_folder

    require_folder(to)
    ending = to.suffix.lower()
    if ending == ".json":
        to.write_text(text + "\n", encoding="utf-8")
    elif ending == ".csv":
        with to.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(told.rows()[0]))
            writer.writeheader()
            writer.writerows(told.rows())
    elif ending == ".png":
        to.write_bytes(_png(told, read))
    else:
        raise WrongUsage(
            "the name of the file does not tell its format", where=str(to), expected="an ending of .csv, .json or .png"
        )
    typer.echo(f"written: {to}")


def _remarks(told: FileForecast) -> None:
    from kifayat.cli import talk

    for remark in told.remarks:
        talk.print(f"- {remark}", style="yellow", markup=False)


def _picture(told: FileForecast, read: Series) -> None:
    """The last year and the forecast as blocks, and the months as a table."""
    import numpy as np

    history = read.values[-len(told.median) :]
    whole = np.concatenate([history, told.median])
    cells = [np.nanmean(part) if np.isfinite(part).any() else np.nan for part in np.array_split(whole, _WIDTH)]
    top = np.nanmax(cells)
    bars = [" " if np.isnan(c) else _BLOCKS[min(int(c / top * 8), 7)] for c in cells]
    cut = round(_WIDTH * len(history) / len(whole))
    typer.echo(f"{''.join(bars[:cut])}│{''.join(bars[cut:])}")
    typer.echo(f"{'known':<{cut}}│forecast; full height {top:,.4g}\n")
    peak = int(np.argmax(told.median))
    levels = sorted(told.lower)
    typer.echo(f"highest day: {told.days[peak]} with {told.median[peak]:,.5g}" + "".join(
        f"; {level} %: {told.lower[level][peak]:,.5g} to {told.upper[level][peak]:,.5g}" for level in levels
    ))  # fmt: skip
    months = told.days.astype("datetime64[M]")
    rows = []
    for month in np.unique(months):
        inside = months == month
        rows.append([str(month), str(int(inside.sum())), f"{told.median[inside].mean():,.5g}", *(
            f"{told.lower[level][inside].mean():,.5g} to {told.upper[level][inside].mean():,.5g}" for level in levels
        )])  # fmt: skip
    _table(["month", "days", "mean of the medians", *(f"mean daily band, {level} %" for level in levels)], rows)


def _table(head: list[str], rows: list[list[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(*head, box=SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _png(told: FileForecast, read: Series) -> bytes:
    """History, median and bands as a picture."""
    import io

    import altair as alt
    import pandas as pd

    past = pd.DataFrame({"day": read.days[-730:], "value": read.values[-730:]})
    ahead: Any = pd.DataFrame(told.rows()).rename(columns={"date": "day"})
    ahead["day"] = pd.to_datetime(ahead["day"])
    day = alt.X("day:T", title=None)
    layers = [
        alt.Chart(ahead).mark_area(opacity=0.18, color="#1f5fa8").encode(
            day, alt.Y(f"lower_{level}:Q", title=read.name), alt.Y2(f"upper_{level}:Q")
        )
        for level in sorted(told.lower, reverse=True)
    ]  # fmt: skip
    layers.append(alt.Chart(past).mark_line(color="#444444", strokeWidth=1).encode(day, alt.Y("value:Q")))
    layers.append(alt.Chart(ahead).mark_line(color="#1f5fa8").encode(day, alt.Y("median:Q")))
    picture = io.BytesIO()
    alt.layer(*layers).properties(width=900, height=360, title=f"{read.name}: forecast with bands").save(
        picture, format="png"
    )
    return picture.getvalue()
