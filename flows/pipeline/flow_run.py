"""Perform a request inside a Prefect flow run: steps become tasks, and the result becomes a state."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from flows.stores.prefect import defaults as prefect_defaults  # noqa: F401 (before Prefect)

# isort: split
from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from flows.pipeline.artifacts import Artifacts
from flows.pipeline.events import announcer
from flows.pipeline.states import state_of_error, state_of_summary
from flows.pipeline.visible_logs import make_logs_visible
from flows.run.request import RunContext, RunRequest, context_of
from flows.run.stages import perform
from flows.run.summary import RunSummary
from flows.settings.loading import load
from flows.stage import utc_now
from transforms.errors import RecspendError
from transforms.values.visible import visible

T = TypeVar("T")


@dataclass(slots=True)
class GivenRun:
    """What the command passes to a flow in addition to its parameters, and where the flow stores its result."""

    context: RunContext | None = None
    has_begun: bool = False
    summary: RunSummary | None = None
    error: RecspendError | None = None


given_run: ContextVar[GivenRun | None] = ContextVar("given", default=None)


def in_flow(request: RunRequest, concurrency: int | None = None) -> State[Any]:
    """Perform a request inside a flow run."""
    make_logs_visible()
    given = given_run.get() or GivenRun()
    given.has_begun = True
    try:
        context = given.context or context_of(load(concurrency=concurrency))
        request = request.checked(utc_now().date())
        artifacts = Artifacts()
        as_tasks = replace(
            context, step=_as_task, progress=artifacts.with_progress(context.progress), announce=announcer()
        )
        summary = perform(as_tasks, request)
    except RecspendError as error:
        given.error = error
        return state_of_error(error)
    given.summary = summary
    artifacts.show(context, request, summary)
    return state_of_summary(summary)


def _as_task(name: str, piece: Callable[[], T]) -> T:
    """Run a piece of work as a task of that name. It has no parameters, so none can reveal a secret."""
    return _task_of(name, piece)()


def _task_of(name: str, piece: Callable[[], T]) -> Task[[], T]:
    @task(
        name=name.split(maxsplit=1)[0],
        # Prefect treats a text as a template, and an account's name may contain braces.
        task_run_name=lambda: visible(name),
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    def run_piece() -> T:
        return piece()

    return run_piece
