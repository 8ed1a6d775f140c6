"""CrewAI behind a running maso, with a scripted model. It needs an environment of its own."""

import json

from adapters import settles
from deployment import Deployment

import maso.crewai
from maso import grants_in


def test_agents_settle_a_claim(deployment: Deployment) -> None:
    settles(deployment, "claims_crewai", "C-1001", approved=True)


def test_tools_say_what_maso_says(deployment: Deployment) -> None:
    grants = grants_in(deployment.folder / "workflows" / "claims.toml", "intake")
    with deployment.agent("intake") as agent:
        tools = maso.crewai.tools(agent, ["documents", "claims-db"], grants)
        listed = [tool for server in ("documents", "claims-db") for tool in agent.tools(server)]
        names = [f"{tool.server}__{tool.name}" for tool in listed] + ["ask__analysis__assess_claim"]
        assert [tool.name for tool in tools] == names
        by_name = {tool.name: tool for tool in tools}
        required = by_name["claims-db__record_extract"].args_schema.model_json_schema()["required"]
        assert required == ["claim_id", "documents"]
        documents = by_name["documents__list_documents"]
        assert json.loads(documents.run(claim_id="C-1001"))["documents"]
        # Past the framework, which looks at patterns by itself: a refusal is words for the model.
        assert documents._run(claim_id="nobody's").startswith("maso refused this: ")
