"""Crews whose model answers at once."""

from __future__ import annotations

import json
from typing import Any

from crewai import Agent, Crew, Task
from crewai.llms.base_llm import BaseLLM
from crewai.tools import BaseTool
from pydantic import BaseModel, Field


class Query(BaseModel):
    """What to look for."""

    query: str = Field(description="Words.")
    limit: int = 5


class Search(BaseTool):
    name: str = "Search Documents"
    description: str = "Searches documents."
    args_schema: type[BaseModel] = Query

    def _run(self, query: str, limit: int = 5) -> str:
        return f"{limit} results for {query}: ü"


class Scripted(BaseLLM):
    """Calls a tool some times, then ends."""

    calls: int = 2

    def call(self, messages: Any, *arguments: Any, **named: Any) -> Any:
        n = len([each for each in messages if each.get("role") == "assistant"])
        if n < self.calls:
            given = json.dumps({"query": f"words {n}", "limit": n})
            return f"Thought: {n}\nAction: search_documents\nAction Input: {given}\n"
        return "Thought: I now know the final answer\nFinal Answer: all done"

    async def acall(self, messages: Any, *arguments: Any, **named: Any) -> Any:
        return self.call(messages)


def crew(agents: int = 2, tasks: int = 3, calls: int = 2, **more: Any) -> Crew:
    """A crew that ends in some milliseconds."""
    workers = [
        Agent(
            role=f"Worker {n}",
            goal="work",
            backstory="A worker.",
            llm=Scripted(model="scripted", calls=calls),
            tools=[Search()],
            max_iter=40,
            cache=False,
        )
        for n in range(agents)
    ]
    work = [
        Task(description=f"Do part {n}", expected_output="a text", agent=workers[n % agents])
        for n in range(tasks)
    ]
    return Crew(agents=workers, tasks=work, cache=False, **more)
