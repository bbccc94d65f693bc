"""Checkpoints of events, agents and tasks that nobody planned for, changed at random between them: the original's bytes."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import random
import uuid
import warnings
from pathlib import Path
from typing import Any

import pytest
from calls import outcome
from crewai import Agent, Crew, Task
from crewai.events.base_events import BaseEvent
from crewai.events.types.task_events import TaskStartedEvent
from crewai.state.runtime import RuntimeState
from crewai.tasks.task_output import TaskOutput
from crews import Scripted, Search
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, computed_field, field_serializer

JSON: Any = RuntimeState.model_dump_json


class Kind(enum.Enum):
    TEXT = "a"
    NUMBER = 2


@dataclasses.dataclass
class Pair:
    one: int = 1
    other: Any = None


@dataclasses.dataclass
class Triple(Pair):
    last: str = "c"


class Part(BaseModel):
    one: int = 1
    other: Any = None
    _hidden: int = PrivateAttr(default=1)


class Computing(Part):
    @computed_field  # type: ignore[prop-decorator]
    @property
    def length(self) -> int:
        return len(str(self.other))


class Serializing(Part):
    @field_serializer("other")
    def shown(self, value: Any) -> str:
        return f"<{type(value).__name__}>"


class Aliased(BaseModel):
    model_config = ConfigDict(extra="allow", populate_by_name=True)
    long: int = Field(default=1, alias="Long")
    inner: Aliased | None = None


class Loose(BaseEvent):
    type: str = "loose"
    one: Any = None
    numbers: list[int] = []
    more: dict[str, Any] = {}


class Typed(BaseEvent):
    type: str = "typed"
    part: Part = Field(default_factory=Part)
    parts: list[Part] = []
    kind: Kind = Kind.TEXT
    pair: Pair = Field(default_factory=Pair)
    some: set[int] = {1, 2}
    both: tuple[int, str] = (1, "a")
    raw: bytes = b"x"
    price: decimal.Decimal = decimal.Decimal(1)
    key: uuid.UUID = uuid.UUID(int=1)
    aliased: Aliased | None = None


class Told(BaseEvent):
    type: str = "told"
    one: Any = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def told(self) -> str:
        return type(self.one).__name__


class Extra(BaseEvent):
    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)
    type: str = "extra"
    secret: str = Field(default="x", exclude=True)
    named: int = Field(default=1, serialization_alias="NAMED")
    one: Any = None


class OwnDump(Typed):
    type: str = "own"

    def model_dump(self, **named: Any) -> Any:
        return super().model_dump(**named)


class Holding(BaseEvent):
    type: str = "holding"
    agent: Any = None
    agents: list[Any] = []
    task: Any = None
    crew: Any = None
    tools: Any = None


LEAVES: list[Any] = [
    *(None, True, 1, 1.0, -0.0, "x", "ü\n", float("inf"), float("nan"), 2**70, b"abc", Kind.TEXT, Kind.NUMBER),
    *(datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)),
    *(datetime.date(2020, 1, 1), datetime.time(1), datetime.timedelta(0, 1.5), uuid.UUID(int=3)),
    *(decimal.Decimal("2.50"), Path("/a"), "x" * 50),
]  # fmt: skip
KEYS: list[Any] = [1, 2.5, None, True, "q", Kind.TEXT, datetime.date(2020, 1, 1), (1, 2)]


class World:
    """A crew and its events, changed by chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        llms = [Scripted(model="scripted") for _ in range(2)]
        self.agents = [
            Agent(role=role, goal="g", backstory="b", llm=llm, tools=[Search()], cache=False)
            for role, llm in zip("AB", llms)
        ]
        one, two = self.agents
        self.tasks = [Task(description="d", expected_output="e", agent=one)]
        self.tasks.append(
            Task(
                description="d",
                expected_output="e",
                agent=two,
                context=[*self.tasks],
                output_pydantic=Part,
            )
        )
        self.crew = Crew(agents=self.agents, tasks=self.tasks, cache=False)
        self.state = RuntimeState(root=[self.crew])
        self.events: list[Any] = []

    def value(self, depth: int = 3) -> Any:
        """Anything that events may hold."""
        chance = self.chance
        if not depth or chance.random() < 0.35:
            return chance.choice(LEAVES)
        parts = [self.value(depth - 1) for _ in range(chance.randrange(4))]
        first = parts[0] if parts else None
        return chance.choice(
            [
                lambda: parts,
                lambda: tuple(parts),
                lambda: dict(zip("abc", parts)),
                lambda: {chance.choice(KEYS): first},
                lambda: {1, "a"},
                lambda: Pair(1, first),
                lambda: Triple(1, first),
                lambda: chance.choice([Part, Computing, Serializing])(other=first),
                lambda: Aliased(Long=3, extra=first, inner=Aliased()),
                lambda: chance.choice([*self.agents, *self.tasks, self.crew, self.agents[0].llm]),
            ]
        )()

    def event(self) -> None:
        """Record one more."""
        chance, value = self.chance, self.value
        part = chance.choice([Part, Computing, Serializing])(other=value())
        made = chance.choice(
            [
                lambda: Loose(one=value(), numbers=[1], more={"v": value()}),
                lambda: Typed(part=part, parts=[Part(other=value())], aliased=Aliased(x=value())),
                lambda: Told(one=value()),
                lambda: Extra(one=value(), more=value()),
                lambda: OwnDump(part=part),
                lambda: Holding(
                    agent=chance.choice(self.agents),
                    agents=self.agents[: chance.randrange(3)],
                    task=chance.choice(self.tasks),
                    crew=self.crew,
                    tools=chance.choice([None, self.agents[0].tools]),
                ),
                lambda: TaskStartedEvent(task=self.tasks[0], context="c"),
            ]
        )()
        if self.events and chance.random() < 0.5:
            made.parent_event_id = chance.choice(self.events).event_id
        self.state._event_record.add(made)
        self.events.append(made)

    def change(self) -> None:
        """Change what is there, deep inside or as a whole."""
        chance = self.chance
        agent, task = chance.choice(self.agents), chance.choice(self.tasks)
        event = chance.choice(self.events)
        for value in [*event.__dict__.values(), *(event.__pydantic_extra__ or {}).values()]:
            if isinstance(value, list) and event.type != "holding":
                value.append(self.value())
            elif isinstance(value, dict):
                value["changed"] = self.value()
            elif isinstance(value, (Pair, Part)):
                value.other = self.value()
            elif isinstance(value, Aliased):
                value.inner = Aliased(z=self.value())
        names = [name for name in type(event).model_fields if name not in ("event_id", "type")]
        changes: list[Any] = [
            lambda: event.__dict__.__setitem__(chance.choice(names), self.value()),
            lambda: setattr(agent, "role", chance.choice("xyz")),
            lambda: agent.tools.append(Search()),
            lambda: setattr(agent.tools[0], "description", chance.choice("uvw")),
            lambda: setattr(agent.llm, "temperature", chance.random()),
            lambda: setattr(agent, "config", {"q": [chance.randrange(3)]}),
            lambda: agent.security_config.fingerprint.metadata.update(z=chance.randrange(3)),
            lambda: object.__setattr__(agent, "backstory", self.value(1)),
            lambda: setattr(task, "output", TaskOutput(description="d", agent="a", raw="r")),
            lambda: setattr(task, "name", chance.choice(["n", None])),
            lambda: setattr(task, "callback", chance.choice([None, print, len])),
            lambda: setattr(task, "output_pydantic", chance.choice([Part, None, Aliased])),
            lambda: setattr(self.crew, "name", chance.choice("kl")),
            lambda: setattr(self.state, "_parent_id", chance.choice([None, "p"])),
        ]
        chance.choice(changes)()


@pytest.mark.parametrize("seed", range(12))
def test_checkpoints_of_anything(seed: int) -> None:
    world = World(seed)
    before = JSON.served
    for step in range(12):
        if step % 3 != 2:
            world.event()
        else:
            world.change()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours, theirs = outcome(JSON, world.state), outcome(JSON.__wrapped__, world.state)
            again = outcome(JSON, world.state)
        assert ours == theirs == again, step
        if isinstance(ours, str):
            json.loads(ours)
    assert JSON.served > before
