"""The agents' side of maso: tools, delegation and requests, for programs in Python.

`Agent` and `AsyncAgent` do all of it; `maso.langgraph`, `maso.openai_agents`, `maso.crewai` and `maso.agent_framework`
give it to frameworks.
"""

from .agent import Agent
from .aio import AsyncAgent
from .answers import Result
from .credentials import Credentials, TokenSource, token_in
from .errors import (
    Code,
    CredentialFault,
    Held,
    MasoError,
    ProtocolFault,
    Refused,
    TimedOut,
    ToolFailed,
    Unanswered,
    UnknownRequest,
    UnknownTool,
    Unreachable,
)
from .keys import AgentKey
from .patience import Patience
from .requests import Grant, Received, grants_in
from .secret import Token
from .tools import Tool
from .toolset import Offer

__all__ = [
    "Agent",
    "AgentKey",
    "AsyncAgent",
    "Code",
    "CredentialFault",
    "Credentials",
    "Grant",
    "Held",
    "MasoError",
    "Offer",
    "Patience",
    "ProtocolFault",
    "Received",
    "Refused",
    "Result",
    "TimedOut",
    "Token",
    "TokenSource",
    "Tool",
    "ToolFailed",
    "Unanswered",
    "UnknownRequest",
    "UnknownTool",
    "Unreachable",
    "grants_in",
    "token_in",
]
