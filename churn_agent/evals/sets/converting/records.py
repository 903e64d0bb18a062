"""Sets whose originals have one row a customer and no history: dated sentences put the fields into words."""

from collections.abc import Iterator
from datetime import date

from churn_agent.evals.sets.converting.cases import (
    Case,
    Originals,
    Record,
    make_event,
    months_before,
    number,
    one_of,
    only,
    read_rows,
    without,
)

_EXTRAS = ("online_security", "online_backup", "device_protection", "tech_support")
_STREAMING = ("streaming_tv", "streaming_movies")


def phone_company(originals: Originals) -> Iterator[Case]:
    """One row a customer: signup, contract and bill in words. IBM's own scores and the reasons given are left out."""
    day = date(2018, 9, 30)
    left_out = ("customerid", "count", "country", "state", "lat", "longitude", "churn", "cltv")
    for row in read_rows(only(originals)):
        services = ["phone with multiple lines" if row["multiple_lines"] == "Yes" else "phone"]
        services = services if row["phone_service"] == "Yes" else []
        services += [f"{row['internet_service']} internet"] if row["internet_service"] != "No" else []
        services += [name.replace("_", " ") for name in _EXTRAS + _STREAMING if row[name] == "Yes"]
        missing = [name.replace("_", " ") for name in _EXTRAS if row[name] == "No"]
        contract = f"Current contract: {row['contract']}. Services: {', '.join(services)}."
        contract += f" Without: {', '.join(missing)}." if missing else ""
        monthly, total = float(row["monthly_charges"]), row["total_charges"]
        so_far = f"${float(total):.2f} charged in total so far" if total else "nothing charged yet"
        paper = "paperless" if row["paperless_billing"] == "Yes" else "paper"
        bill = f"Monthly charge ${monthly:.2f}, {so_far}. Pays by {row['payment_method']}, {paper} bill."
        months = int(row["tenure_months"])
        events = [
            make_event(months_before(day, months), 9, "signup", f"Became a customer {months} month(s) ago."),
            make_event(day, 10, "subscription", contract),
            make_event(day, 11, "billing", bill, amount=monthly),
        ]
        churned = one_of(row["churn_value"], "1", "0")
        yield Case(row["customerid"], day, churned, events, without(row, *left_out))


def card_accounts(originals: Originals) -> Iterator[Case]:
    """One row a customer: account, use, balance and contacts in words. The columns of a classifier are left out."""
    day = date(2019, 12, 31)
    for row in read_rows(only(originals)):
        months, amount, balance = int(row["months_on_book"]), row["total_trans_amt"], row["total_revolving_bal"]
        use = (
            f"Last 12 months: {row['total_trans_ct']} card transactions for {number(amount)} in total. Fourth against "
            f"first quarter: number of transactions x{float(row['total_ct_chng_q4_q1'])}, "
            f"amount x{float(row['total_amt_chng_q4_q1'])}."
        )
        owed = (
            f"Revolving balance {number(balance)} on a credit limit of {number(row['credit_limit'])} "
            f"(average use {float(row['avg_utilization_ratio']):.1%})."
        )
        contacts = (
            f"{row['contacts_count_12_mon']} contact(s) with the bank in the last 12 months; inactive in "
            f"{row['months_inactive_12_mon']} of them; holds {row['total_relationship_count']} product(s)."
        )
        opened = f"Opened a {row['card_category']} card account {months} months ago."
        events = [
            make_event(months_before(day, months), 9, "account", opened),
            make_event(day, 10, "transactions", use, amount=float(amount)),
            make_event(day, 11, "balance", owed, amount=float(balance)),
            make_event(day, 12, "contact", contacts),
        ]
        churned = one_of(row["attrition_flag"], "Attrited Customer", "Existing Customer")
        yield Case(row["clientnum"], day, churned, events, without(row, "clientnum", "attrition", "naive_bayes"))


_COURSES = {
    "33": "Biofuel Production Technologies",
    "171": "Animation and Multimedia Design",
    "8014": "Social Service (evening)",
    "9003": "Agronomy",
    "9070": "Communication Design",
    "9085": "Veterinary Nursing",
    "9119": "Informatics Engineering",
    "9130": "Equinculture",
    "9147": "Management",
    "9238": "Social Service",
    "9254": "Tourism",
    "9500": "Nursing",
    "9556": "Oral Hygiene",
    "9670": "Advertising and Marketing Management",
    "9773": "Journalism and Communication",
    "9853": "Basic Education",
    "9991": "Management (evening)",
}


def students(originals: Originals) -> Iterator[Case]:
    """One row a student: enrolment, fees and the first semester in words. Nothing of the second semester is known."""
    day = date(2019, 2, 28)
    left_out = ("curricular_units_2nd", "unemployment_rate", "inflation_rate", "gdp", "target")
    for n, row in enumerate(read_rows(only(originals)), start=1):
        if row["course"] not in _COURSES:
            raise ValueError(f"{row['course']!r} is no course of the set")
        enrolment = (
            f"Enrolled in {_COURSES[row['course']]} (choice number {row['application_order']}), "
            f"{'daytime' if row['daytime_evening_attendance'] == '1' else 'evening'} classes, "
            f"aged {row['age_at_enrollment']}, admission grade {number(row['admission_grade'])} of 200."
        )
        fees = (
            f"Tuition fees {'' if row['tuition_fees_up_to_date'] == '1' else 'NOT '}up to date; "
            f"{'owes money to the university' if row['debtor'] == '1' else 'no debts'}; "
            f"{'holds a' if row['scholarship_holder'] == '1' else 'no'} scholarship."
        )
        units = Record({name.removeprefix("curricular_units_1st_sem_"): cell for name, cell in row.items()})
        grade = float(units["grade"])
        results = (
            f"First semester: enrolled in {units['enrolled']} course units, {units['credited']} credited, "
            f"{units['evaluations']} evaluations taken, {units['approved']} units passed, "
            f"{units['without_evaluations']} without any evaluation, mean grade {grade:.1f} of 20."
        )
        events = [
            make_event(date(2018, 9, 15), 9, "enrolment", enrolment),
            make_event(date(2019, 2, 15), 9, "billing", fees),
            make_event(day, 9, "assessment", results, score=grade, units_passed=int(units["approved"])),
        ]
        churned = one_of(row["target"], "Dropout", "Graduate", "Enrolled")
        yield Case(f"st{n:05}", day, churned, events, without(row, *left_out))
