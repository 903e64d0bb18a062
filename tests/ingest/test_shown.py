"""What a dry run shows of files of attributes, outcomes and measurements."""

from churn_agent.cli.summaries import summary_lines
from tests.conftest import write_csv


def test_a_dry_run_shows_files_about_customers_as_understood(agent, tmp_path):
    summary = agent.ingest(
        write_csv(tmp_path / "t.csv", "c-1,2026-01-01,chat,hello"),
        customers=write_csv(
            tmp_path / "p.csv",
            *(f'c-{n},"1.234,50 €",31.12.2026,gold' for n in range(1, 6)),
            header="customer_id,arr,renewal_date,plan",
        ),
        labels=write_csv(
            tmp_path / "l.csv", 'c-1,15.06.2026,price,"1.000,00"', header="customer_id,left_on,reason,amount"
        ),
        measurements=write_csv(tmp_path / "m.csv", "c-1,31.01.2026,Ana,12.5", header="customer_id,date,person,logins"),
        unknown_is="customer",
        dry_run=True,
    )
    assert len(summary.about_customers["customers"]) == 3
    assert summary.about_customers["measurements"] == [
        {"customer_id": "c-1", "day": "2026-01-31", "logins": 12.5, "person": "Ana"}
    ]
    lines = list(summary_lines(summary, dry_run=True))
    at = lines.index("As understood (customers):")
    assert lines[at + 1] == (
        "  c-1: arr 1234.5 (from '1.234,50 €'), renewal_date 2026-12-31 (from '31.12.2026'), plan gold"
    )
    assert (
        "  c-1: as_of 2026-03-17, churned yes, horizon_days 90, left_on 2026-06-15, kind lost, amount 1000, "
        in (lines[lines.index("As understood (labels):") + 1])
    )
    assert lines[lines.index("As understood (measurements):") + 1] == "  c-1: day 2026-01-31, logins 12.5, person Ana"
