"""`kifayat forecast`: the company's users and cost ahead, or any file's; `forecast backtest`: how good it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core import KifayatError, WrongUsage

if TYPE_CHECKING:
    from models.files import FileForecast, Series
    from warehouse import Result

forecast = typer.Typer(name="forecast", invoke_without_command=True, no_args_is_help=False)
_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH = 72
#: Options that only a file has.
_OF_FILE = ("events", "column", "horizon", "levels", "seed")
_SCORES = (
    "horizon", "candidate", "origins", "wape", "mase", "bias", "event_wape", "peak_error", "peak_days", "cover80",
    "cover95",
)  # fmt: skip

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
    given = [f"--{name}" for name in ("series", *_OF_FILE, "to", "force") if _is_given(context, name)]
    if context.invoked_subcommand is not None:
        if given:
            raise WrongUsage(
                f"{', '.join(given)} before `backtest`", fix="write the options of backtest behind it",
                expected="kifayat forecast backtest --series FILE.csv",
            )  # fmt: skip
        return
    if series is None:
        if foreign := [f"--{name}" for name in _OF_FILE if _is_given(context, name)]:
            raise WrongUsage(f"only with a file: {', '.join(foreign)}", fix="give --series FILE.csv too")
        _company(context, force, to, as_json)
        return
    if force:
        raise WrongUsage(
            "--force belongs to the company's forecast", fix="leave it out: a file is forecast anew always"
        )
    file_format = _format(to, as_json, ("csv", "json", "png"))
    told, read = _of_file(series, events, column, horizon, levels, seed)
    _write(told, read, to, file_format)


@forecast.command()
def backtest(
    context: typer.Context,
    series: SeriesOption = None,
    events: EventsOption = None,
    column: ColumnOption = None,
    to: Annotated[Path | None, typer.Option("--to", help="Write it: .csv, .json or .parquet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """How wrong each candidate would have been, by days ahead: of a file, or of the published forecast.

    Example: kifayat forecast backtest
    Example: kifayat forecast backtest --series visits.csv --events events.csv
    """
    from kifayat.output import show

    file_format = _format(to, as_json, ("csv", "json", "parquet"))
    if series is None:
        if events is not None or column is not None:
            raise WrongUsage("only with a file: --events, --column", fix="give --series FILE.csv too")
        show(_published_scores(context), file_format, to)
        return
    told, _ = _of_file(series, events, column, 365, "80,95", 0)
    _remarks(told)
    show(_scores(told, is_table=file_format == "table"), file_format, to)


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _format(to: Path | None, as_json: bool, known: tuple[str, ...]) -> str:
    """Refused before minutes of work rather than after."""
    from kifayat.output import chosen_format
    from warehouse import require_folder

    if to is not None:
        require_folder(to)
    return chosen_format("json" if as_json else None, to, known, None if to is not None else "table")


def _published_scores(context: typer.Context) -> Result:
    from kifayat import cli

    app = cli._app(context)
    rows = app.query(
        "SELECT metric, product, state, candidate, horizon_days, origins, wape, mase, bias, event_wape, peak_error,"
        " peak_days, cover80, cover95, is_champion FROM forecast_scores"
        " WHERE state = 'all' ORDER BY metric, product, horizon_days, wape"
    )
    if not rows.rows:
        raise WrongUsage("nothing has been forecast yet", fix="run `kifayat forecast`, or give --series FILE.csv")
    return rows


def _scores(told: FileForecast, *, is_table: bool) -> Result:
    """One row a candidate and distance, best first; as people read them in a table, as ratios elsewhere."""
    from warehouse import Result

    ordered = sorted(told.scores, key=lambda s: (s.horizon, s.wape if s.wape is not None else 9.0))
    types = ("BIGINT", "VARCHAR", "BIGINT", *("DOUBLE",) * 8)
    if not is_table:
        rows = [
            (*(getattr(score, name) for name in _SCORES), told.champion[score.horizon] == score.candidate)
            for score in ordered
        ]
        return Result((*_SCORES, "is_champion"), (*types, "BOOLEAN"), tuple(rows))
    short = [
        (s.horizon, s.candidate + (" ◀" if told.champion[s.horizon] == s.candidate else ""), s.origins,
         _share(s.wape), None if s.mase is None else f"{s.mase:.2f}", _share(s.bias), _share(s.event_wape),
         _share(s.peak_error), None if s.peak_days is None else f"{s.peak_days:g}", _share(s.cover80),
         _share(s.cover95))
        for s in ordered
    ]  # fmt: skip
    head = ("ahead", "candidate", "from", "WAPE", "MASE", "bias", "near events", "peak", "off", "in 80 %", "in 95 %")
    return Result(head, types, tuple(short))


def _company(context: typer.Context, force: bool, to: Path | None, as_json: bool) -> None:
    from kifayat import cli
    from kifayat.output import show

    file_format = _format(to, as_json, ("csv", "json", "parquet"))
    app = cli._app(context)
    with cli.talk.status("starting") as status:

        def say(text: str) -> None:
            status.update(text)
            if not cli.talk.is_terminal:
                cli.talk.print(text, markup=False)

        done = app.forecast(say, force=force)
    if not app.query("SELECT 1 FROM forecast_runs").rows:
        raise KifayatError(
            "nothing could be forecast: nobody counts daily active users",
            expected="an export of active users by the day",
            fix="see `kifayat explain active_users`",
        )
    made = "made" if done.is_new else "still the one of the same inputs"
    cli.talk.print(f"forecast {made}; generation {done.published.generation} published", markup=False)
    rows = app.query(
        "SELECT metric, month, round(q10) AS q10, round(q50) AS median, round(q90) AS q90 FROM forecast_monthly"
        " WHERE product = 'all' AND calendar = 'given' UNION ALL"
        " SELECT 'usage cost, INR', starts_on, round(q10), round(q50), round(q90) FROM cost_forecasts"
        " WHERE dimension = 'total' AND calendar = 'given' AND period = 'month' ORDER BY 1, 2"
    )
    show(rows, file_format, to)


def _of_file(
    series: Path, events: Path | None, column: str | None, horizon: int, levels: str, seed: int
) -> tuple[FileForecast, Series]:
    from dataclasses import replace

    for path in (series, events):
        if path is not None and not path.is_file():
            raise WrongUsage("there is no such file", where=str(path), fix="name a CSV file")
    try:
        bands = [int(level) for level in levels.split(",")]
    except ValueError:
        bands = []
    if not bands or len(set(bands)) < len(bands) or not all(1 <= level <= 99 for level in bands):
        raise WrongUsage(
            f"{levels!r} are no levels", where="--levels", expected="whole per cent from 1 to 99, each once",
            fix="give for example 80,95",
        )  # fmt: skip
    from core import IST, Clock
    from kifayat.cli import talk
    from models.files import forecast_series, read_events, read_series

    with talk.status(f"reading {series}"):
        read = read_series(series, column, Clock().now().astimezone(IST).date())
        calendar = None
        if events is not None:
            calendar, odd = read_events(events, read)
            read = replace(read, remarks=(*read.remarks, *odd))
    with talk.status("fitting, trying candidates on earlier days"):
        return forecast_series(read, calendar, horizon, bands, seed), read


def _write(told: FileForecast, read: Series, to: Path | None, file_format: str) -> None:
    _remarks(told)
    if to is None:
        if file_format == "json":
            typer.echo(told.to_json())
        else:
            _picture(told, read)
        return
    if file_format == "json":
        to.write_text(told.to_json() + "\n", encoding="utf-8")
    elif file_format == "csv":
        told.to_csv(to)
    else:
        to.write_bytes(_png(told, read))
    from kifayat.cli import talk

    talk.print(f"wrote {to}", markup=False)


def _remarks(told: FileForecast) -> None:
    from kifayat.cli import talk

    for remark in told.remarks:
        talk.print(f"- {remark}", style="yellow", markup=False)


def _picture(told: FileForecast, read: Series) -> None:
    """The last year and the forecast as blocks, and the months as a table."""
    import numpy as np

    from kifayat.output import show
    from warehouse import Result

    history = read.values[-len(told.median) :]
    whole = np.concatenate([history, told.median])
    parts = np.array_split(whole, min(_WIDTH, len(whole)))
    cells = [np.nanmean(part) if np.isfinite(part).any() else np.nan for part in parts]
    top = max(np.nanmax(cells), 1e-300)
    bars = [" " if np.isnan(c) else _BLOCKS[min(int(c / top * 8), 7)] for c in cells]
    cut = round(len(parts) * len(history) / len(whole))
    typer.echo(f"{''.join(bars[:cut])}│{''.join(bars[cut:])}")
    typer.echo(f"{'known':<{cut}}│forecast; full height {_number(top)}\n")
    levels = sorted(told.lower)
    rows: list[tuple[str, ...]] = []
    for what, at in (("first day", 0), ("last day", -1), ("highest day", int(np.argmax(told.median)))):
        bands = (_band(told.lower[level][at], told.upper[level][at]) for level in levels)
        rows.append((what, str(told.days[at]), _number(told.median[at]), *bands))
    show(
        Result(("", "day", "median", *(f"{level} %" for level in levels)), _RIGHT[: 3 + len(levels)], tuple(rows)), None
    )
    typer.echo()
    months, rows = told.days.astype("datetime64[M]"), []
    for month in np.unique(months):
        inside = months == month
        bands = (_band(told.lower[level][inside].mean(), told.upper[level][inside].mean()) for level in levels)
        rows.append((str(month), str(int(inside.sum())), _number(told.median[inside].mean()), *bands))
    head = ("month", "days", "mean of the medians", *(f"mean daily band, {level} %" for level in levels))
    show(Result(head, _RIGHT[: 3 + len(levels)], tuple(rows)), None)


#: How columns of text stand in a table of `show`: the first to the left, numbers to the right.
_RIGHT = ("VARCHAR", *("DOUBLE",) * 101)


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= value < 1e15 else f"{value:.4g}"


def _band(lower: float, upper: float) -> str:
    return f"{_number(lower)} to {_number(upper)}"


def _share(value: float | None) -> str | None:
    return None if value is None else f"{100 * value:z.1f} %"


def _png(told: FileForecast, read: Series) -> bytes:
    """History, median and bands as a picture."""
    import io

    import altair as alt
    import pandas as pd

    past = pd.DataFrame({"day": read.days[-730:], "value": read.values[-730:]})
    ahead: Any = pd.DataFrame(told.rows()).rename(columns={"date": "day"})
    ahead["day"] = pd.to_datetime(ahead["day"])
    day = alt.X("day:T", title=None, axis=alt.Axis(format="%b %Y", labelOverlap=True))
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
