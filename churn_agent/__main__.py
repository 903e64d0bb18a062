"""`python -m churn_agent`."""

from churn_agent.cli.main import main

main()
