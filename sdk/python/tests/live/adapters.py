"""What the tests of all frameworks share: running an example, and what its agents may have done."""

import os
import subprocess
import sys
from pathlib import Path

from deployment import PATIENCE_S, Deployment

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(deployment: Deployment, name: str, claim: str) -> subprocess.Popen[str]:
    """Starts an example on a claim."""
    credentials = deployment.credentials
    environment = {
        **os.environ,
        "MASO_URL": deployment.url,
        "MASO_CREDENTIALS": str(credentials),
        "MASO_DEPLOYMENT": str(deployment.folder),
        "MASO_AGENT_KEY": str(credentials / "intake.pem"),
        "MASO_AGENT_TOKEN_FILE": str(credentials / "intake.token"),
        "MASO_TASK": deployment.task(claim),
        "CLAIM": claim,
    }
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def settles(deployment: Deployment, name: str, claim: str, *, approved: bool) -> None:
    """An example settles a claim: paid once if a person approves, stopped if not, and the policyholder is told."""
    child = example(deployment, name, claim)
    try:
        # One that ends early waits for nobody any more.
        say = deployment.approve if approved else deployment.reject
        say(claim, child)
        said, complaint = child.communicate(timeout=PATIENCE_S)
    finally:
        child.kill()
        child.wait()
    outcome = "paid" if approved else "stopped"
    assert child.returncode == 0, complaint
    assert f"{claim} is {outcome}" in said
    assert deployment.rows(f"SELECT state FROM claims WHERE claim_id = '{claim}'") == [(outcome,)]
    assert len(deployment.rows(f"SELECT * FROM payments WHERE claim_id = '{claim}'")) == approved
    [(body,)] = deployment.rows(f"SELECT body FROM outbox WHERE claim_id = '{claim}'")
    assert outcome in body
    assert deployment.verified()
