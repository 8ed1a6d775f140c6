"""The agents' side of maso: tools, delegation and requests, for programs in Python.

`Agent` and `AsyncAgent` do all of it; `maso.langgraph`, `maso.openai_agents`, `maso.crewai` and `maso.agent_framework`
give it to frameworks.
"""

from .agent import Agent
from .aio import AsyncAgent
from .answers import Result
from .contexts import Checkpoint, Context, Decision, Pending, Resumed
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
from .events import Answered, Asked, Event, Told
from .instances import Instance
from .keys import AgentKey
from .mailbox import AsyncMessages, Messages
from .messages import Sent
from .patience import Patience
from .requests import Grant, Received, grants_in
from .secret import Token
from .statements import Assumption, Constraint, Contract, Extracted, Inputs, Provenance, Said, Statement
from .tools import Tool
from .toolset import Offer

__all__ = [
    "Agent",
    "AgentKey",
    "Answered",
    "Asked",
    "Assumption",
    "AsyncAgent",
    "AsyncMessages",
    "Checkpoint",
    "Code",
    "Constraint",
    "Context",
    "Contract",
    "CredentialFault",
    "Credentials",
    "Decision",
    "Event",
    "Extracted",
    "Grant",
    "Held",
    "Inputs",
    "Instance",
    "MasoError",
    "Messages",
    "Offer",
    "Patience",
    "Pending",
    "ProtocolFault",
    "Provenance",
    "Received",
    "Refused",
    "Result",
    "Resumed",
    "Said",
    "Sent",
    "Statement",
    "TimedOut",
    "Token",
    "TokenSource",
    "Told",
    "Tool",
    "ToolFailed",
    "Unanswered",
    "UnknownRequest",
    "UnknownTool",
    "Unreachable",
    "grants_in",
    "token_in",
]
