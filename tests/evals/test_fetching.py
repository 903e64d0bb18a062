"""Public sets: fetched from a server on the loopback address or a local copy, converted, whole or not there at all.

All rows are invented; their form is that of the originals.
"""

import csv
import gzip
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openpyxl
import pytest
import tenacity
import yaml

from churn_agent.errors import FileFormatError, InputError, Unavailable
from churn_agent.evals.sets import fetching
from churn_agent.evals.sets import labelled as sets
from churn_agent.evals.sets.converting import CONVERTERS
from churn_agent.evals.sets.fetching import fetch

BANK77 = [("Please close my account", "terminate_account"), ("I want out, shut it, now", "terminate_account")]
BANK77 += [(f"Where is card {n}?\nI need it", "card_arrival") for n in range(25)]
CARDS = {
    "CLIENTNUM": (900001, 900002),
    "Attrition_Flag": ("Existing Customer", "Attrited Customer"),
    "Customer_Age": (44, 51),
    "Card_Category": ("Blue", "Gold"),
    "Months_on_book": (34, 12),
    "Total_Relationship_Count": (5, 1),
    "Months_Inactive_12_mon": (1, 4),
    "Contacts_Count_12_mon": (2, 6),
    "Credit_Limit": (3000, 1500.5),
    "Total_Revolving_Bal": (750, 0),
    "Total_Amt_Chng_Q4_Q1": (1.25, 0.5),
    "Total_Trans_Amt": (4100, 900),
    "Total_Trans_Ct": (61, 14),
    "Total_Ct_Chng_Q4_Q1": (1, 0.4),
    "Avg_Utilization_Ratio": (0.25, 0),
    "Naive_Bayes_Classifier_Attrition_Flag_1": (0.01, 0.99),
    "Naive_Bayes_Classifier_Attrition_Flag_2": (0.99, 0.01),
}
TELCO = {
    "CustomerID": ("0000-YYYYY", "0000-XXXXX"),
    "Count": (1, 1),
    "Country": ("Nowhere", "Nowhere"),
    "Zip Code": (90000, 90001),
    "Lat Long": ("1, 2", "1, 2"),
    "Senior Citizen": ("No", "Yes"),
    "Tenure Months": (7, 0),
    "Phone Service": ("Yes", "No"),
    "Multiple Lines": ("Yes", "No phone service"),
    "Internet Service": ("No", "DSL"),
    **dict.fromkeys(("Online Security", "Online Backup", "Device Protection"), ("No internet service", "No")),
    "Tech Support": ("No internet service", "Yes"),
    "Streaming TV": ("No internet service", "Yes"),
    "Streaming Movies": ("No internet service", "No"),
    "Contract": ("Two year", "Month-to-month"),
    "Paperless Billing": ("No", "Yes"),
    "Payment Method": ("Mailed check", "Electronic check"),
    "Monthly Charges": (20, 45.5),
    "Total Charges": (141.25, " "),
    "Churn Label": ("Yes", "No"),
    "Churn Value": (1, 0),
    "Churn Score": (99, 3),
    "CLTV": (4000, 5000),
    "Churn Reason": ("Moved", None),
}
FIRST = "Curricular units 1st sem"
STUDENTS = {
    "Marital status": (1, 2),
    "Application order": (5, 1),
    "Course": (9500, 9991),
    "Daytime/evening attendance\t": (1, 0),
    "Mother's qualification": (3, 4),
    "Admission grade": (131.5, 140.0),
    "Debtor": (0, 1),
    "Tuition fees up to date": (1, 0),
    "Scholarship holder": (1, 0),
    "Age at enrollment": (19, 41),
    f"{FIRST} (credited)": (0, 1),
    f"{FIRST} (enrolled)": (6, 5),
    f"{FIRST} (evaluations)": (7, 4),
    f"{FIRST} (approved)": (6, 2),
    f"{FIRST} (grade)": (13.4567, 10.0),
    f"{FIRST} (without evaluations)": (0, 3),
    "Curricular units 2nd sem (approved)": (6, 0),
    "Unemployment rate": (10.1, 10.1),
    "GDP": (1.7, 1.7),
    "Target": ("Graduate", "Dropout"),
}

CHATBOT = {
    "id": (7, 8, 9, 10, 11, 12),
    "message": ("Alto is dear, I go to Basso", "Alto is dear, I go to Basso", "Basso, I stay", "Basso, I stay", "Alto?", "alto?"),
    "Company": ("Alto", "basso", "Basso", "Basso", "alto", "Alto"),
    "y": (1, 0, 0, 0, 1, 0),
}  # fmt: skip
REVIEWS = [
    {"reviewerID": who, "asin": f"B{n}", "reviewerName": "Ann", "helpful": [0, 0], "summary": f"No. {n}",
     "reviewText": "I like it", "overall": 4.0, "unixReviewTime": day * 86400, "reviewTime": "a day"}
    for who, days in (("STAYS", (14974, 14973, 14972, 15339)), ("GOES", (14972, 14973, 14974, 15340)), ("TWO", (14972, 14973)))
    for n, day in enumerate(days)
]  # fmt: skip
"""Day 14974 since 1970 is 2010-12-31, 15339 a year later."""
ACCOUNTS = {
    "accounts": {
        "account_id": ("A-1", "A-2", "A-3"),
        "account_name": ("One", "Two", "Three"),
        "industry": "FinTech",
        "country": "DE",
        "signup_date": ("2024-01-01", "2024-08-02", "2024-08-03"),
        "referral_source": "ads",
        "plan_tier": "Basic",
        "seats": 5,
        "is_trial": ("False", "True", "False"),
        "churn_flag": ("True", "False", "False"),
    },
    "subscriptions": {
        "subscription_id": ("S-1", "S-2"),
        "account_id": ("A-1", "A-2"),
        "start_date": ("2024-02-01", "2024-08-03"),
        "end_date": ("2024-03-01", "2024-10-05"),
        "plan_tier": "Pro",
        "seats": 8,
        "mrr_amount": (392, 0),
        "is_trial": ("False", "True"),
        "billing_frequency": "annual",
        "auto_renew_flag": ("True", "False"),
    },
    "feature_usage": {
        "subscription_id": ("S-1", "S-1", "S-1"),
        "usage_date": ("2024-02-03", "2024-02-09", "2024-10-01"),
        "feature_name": ("f1", "f1", "f2"),
        "usage_count": (10, 5, 99),
        "usage_duration_secs": (1800, 1800, 1),
        "error_count": (0, 2, 0),
    },
    "support_tickets": {
        "account_id": ("A-1", "A-1"),
        "submitted_at": ("2024-04-01", "2024-05-01 10:00:00"),
        "priority": ("high", "low"),
        "first_response_time_minutes": (74, 12),
        "resolution_time_hours": (32.0, 3.5),
        "satisfaction_score": (5.0, ""),
        "escalation_flag": ("False", "True"),
    },
    "churn_events": {
        "account_id": ("A-1", "A-2"),
        "churn_date": ("2024-06-01", "2024-12-31"),
        "reason_code": ("pricing", "support"),
        "refund_amount_usd": (17.06, 0),
        "is_reactivation": ("True", "False"),
        "feedback_text": ("too expensive", ""),
    },
}
WHERE = {"code_module": "AAA", "code_presentation": "2013J"}
COURSES = {
    "studentInfo": {**WHERE, "id_student": (1, 2, 3, 4), "gender": "F", "num_of_prev_attempts": 0, "studied_credits": 60, "final_result": "Withdrawn"},
    "studentRegistration": {**WHERE, "id_student": (1, 2, 3, 4), "date_registration": (-102, "-5.0", -9, 3), "date_unregistration": ("", 61, 60, "")},
    "assessments": {**WHERE, "id_assessment": (10, 11, 12, 13), "assessment_type": ("TMA", "CMA", "TMA", "Exam"), "date": (19, 54, 61, ""), "weight": (10, 12.5, 20, 100)},
    "student_assessment_processed": {"id_assessment": (10, 11, 10), "id_student": (1, 1, 2), "date_submitted": (18, -1, 61), "is_banked": (0, 1, 0), "score": (78.0, 100, 50)},
}  # fmt: skip
DAYS = {
    "2011-05-03": [
        ("1", "A", "CUP", 2, "2011-05-03 10:01:00", 1.5, "17850.0", "Malta"),
        ("1", "B", "BOX, RED", 1, "2011-05-03 10:00:00", 4, "17850.0", "Malta"),
        ("1", "A", "CUP", 2, "2011-05-03 10:01:00", 1.5, "17850.0", "Malta"),
        ("2", "A", "CUP", 1, "2011-05-03 11:00:00", 1.5, "", "Malta"),
        *(("3", str(n), f"N{n}", 1, "2011-05-03 12:00:00", n, "17851.0", "Spain") for n in range(1, 10)),
    ],
    "2011-09-09": [
        ("C4", "A", "CUP", -1, "2011-09-09 10:00:00", 1.5, "17850.0", "Malta"),
        ("5", "A", "CUP", 1, "2011-09-09 11:00:00", 1.5, "17850.0", "Malta"),
        ("6", "A", "CUP", 1, "2011-09-09 11:00:00", 1.5, "17851.0", "Spain"),
        ("7", "A", "CUP", 1, "2011-09-09 11:00:00", 1.5, "17852.0", "Spain"),
    ],
    "2011-12-08": [("8", "A", "CUP", 1, "2011-12-08 11:00:00", 1.5, "17850.0", "Malta")],
    "2011-12-09": [
        ("9", "A", "CUP", 1, "2011-12-09 11:00:00", 1.5, "17851.0", "Spain"),
        ("C10", "A", "CUP", -1, "2011-10-09 11:00:00", 1.5, "17851.0", "Spain"),
    ],
}
INVOICE_LINE = "InvoiceNo StockCode Description Quantity InvoiceDate UnitPrice CustomerID Country".split()


def write_rows(path, columns):
    """A cell that all rows share stands for a column of it."""
    n = max(len(cells) for cells in columns.values() if isinstance(cells, tuple))
    write_table(path, {name: cells if isinstance(cells, tuple) else (cells,) * n for name, cells in columns.items()})


def write_table(path, columns, delimiter=","):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([columns, *zip(*columns.values(), strict=True)])


def write_sheet(path, columns):
    book = openpyxl.Workbook()
    for row in ([*columns], *zip(*columns.values(), strict=True)):
        book.worksheets[0].append(row)
    book.save(path)


def write_chat(path, *messages):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = (
        f'<message conversation_id="{n}"><ts>{ts}.000123</ts><user>{user}</user><text>{text}</text></message>'
        for n, (ts, user, text) in enumerate(messages)
    )
    path.write_text(f"<?xml version='1.0' ?>\n<discourse>{''.join(rows)}</discourse>", encoding="utf-8")


@pytest.fixture
def originals(tmp_path):
    """A folder with an original of each kind, tiny."""
    folder = tmp_path / "originals"
    columns = {"text": [text for text, _ in BANK77], "category": [of for _, of in BANK77]}
    write_table(folder / "train.csv", columns)
    write_table(folder / "test.csv", columns)
    write_table(folder / "BankChurners.csv", CARDS)
    write_table(folder / "students_dropout_academic_success.csv", STUDENTS, ";")
    write_sheet(folder / "Telco_customer_churn.xlsx", TELCO)
    write_rows(folder / "DE_chatbot.csv", CHATBOT)
    lines = "".join(f"{json.dumps(review)}\n" for review in REVIEWS)
    (folder / "reviews_Digital_Music_5.json.gz").write_bytes(gzip.compress(lines.encode()))
    for name, columns in ACCOUNTS.items():
        write_rows(folder / f"ravenstack_{name}.csv", columns)
    for name, columns in COURSES.items():
        write_rows(folder / f"{name}.csv", columns)
    for file in sets.list_descriptions()["online_retail"].fetch.files:
        lines = DAYS.get(file.removesuffix(".csv"), [])
        with (folder / file).open("w", newline="", encoding="utf-8") as day:
            csv.writer(day).writerows([INVOICE_LINE, *lines])
    for where in ("clojurians/2019/merged-clojurians-clojure", "elmlang/2019/merged-elmlang-general"):
        write_chat(folder / f"data/{where}.xml", ("2019-01-02T10:00:00", "Only", "once"))
    for year in (2018, 2019):
        stays = [(f"{year}-02-0{n}T10:00:00", "Ann", f"hello {n}") for n in (1, 2, 3)]
        leaves = [
            (f"{year - 1}-12-31T10:00:00", "Bob", "ask &lt;@Cleo&gt; or @Ann, not @atom"),
            (f"{year}-04-07T23:59:59", "Bob", "mail me: bob@example.org"),
            (f"{year}-03-01T10:00:00", "Bob", "use &amp;lt;"),
        ]
        outside = [(f"{year}-06-06T10:00:00", "Ann", "here I am"), (f"{year}-06-07T10:00:00", "Bob", "too late")]
        early = [(f"{year - 1}-12-30T10:00:00", "Ann", "too early"), (f"{year}-04-08T10:00:00", "Dan", "new")]
        write_chat(folder / f"data/racket/{year}/merged-racket-general.xml", *early, *stays, *leaves, *outside)
    return folder


def table(folder, name):
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def made(originals, tmp_path):
    """Fetches a set from the local originals -> its tables."""

    def make(name):
        folder = fetch(name, source=str(originals), to=tmp_path / name).folder
        return [table(folder, of) for of in ("interactions", "labels", "customers") if (folder / f"{of}.csv").exists()]

    return make


# --- cards


def test_every_address_is_pinned_to_the_commit_that_its_card_names_and_has_a_converter():
    fetched = {name: description for name, description in sets.list_descriptions().items() if description.fetch}
    assert {description.fetch.converter for description in fetched.values()} == set(CONVERTERS)
    for name, description in fetched.items():
        for url in description.fetch.urls:
            host, owner, repository, commit = url.removeprefix("https://").split("/")[:4]
            assert host == "raw.githubusercontent.com", name
            assert len(commit) == 40, name
            assert f"GitHub {owner}/{repository}" in description.origin, name
            assert f"commit {commit}" in description.origin, name


def test_hashes_on_a_card_are_one_for_each_address():
    with pytest.raises(ValueError, match="1 hashes for 2 files"):
        sets.Fetch(converter="students", folder="https://a/", files=("b", "c"), sha256=("0" * 64,))


# --- converters


def test_closing_an_account_is_one_message_in_ten(made):
    interactions, labels = made("banking77_closure_intent")
    assert (len(interactions), sum(each["churned"] == "1" for each in labels)) == (40, 4)
    said = {each["customer_id"]: each["text"] for each in interactions}
    assert {said[each["customer_id"]] for each in labels if each["churned"] == "1"} == {text for text, _ in BANK77[:2]}
    assert {(each["timestamp"], each["channel"]) for each in interactions} == {("2020-03-10T00:00:00", "chat")}


def test_the_draw_is_always_the_same_and_its_ids_do_not_tell_the_outcome(made, originals, tmp_path):
    first, labels = made("banking77_closure_intent")
    again = fetch("banking77_closure_intent", source=f"{originals}/", to=tmp_path / "again")
    assert table(again.folder, "interactions") == first
    churned = [each["churned"] for each in labels]
    assert churned not in (sorted(churned), sorted(churned, reverse=True))


def test_a_phone_company_is_told_in_three_sentences_without_what_leaks(made):
    interactions, labels, customers = made("telco_ibm")
    assert [(each["timestamp"], each["channel"], each["text"], each["amount"]) for each in interactions] == [
        ("2018-09-30T09:00:00", "signup", "Became a customer 0 month(s) ago.", ""),
        ("2018-09-30T10:00:00", "subscription", "Current contract: Month-to-month. Services: DSL internet, tech support, streaming tv. Without: online security, online backup, device protection.", ""),
        ("2018-09-30T11:00:00", "billing", "Monthly charge $45.50, nothing charged yet. Pays by Electronic check, paperless bill.", "45.5"),
        ("2018-02-28T09:00:00", "signup", "Became a customer 7 month(s) ago.", ""),
        ("2018-09-30T10:00:00", "subscription", "Current contract: Two year. Services: phone with multiple lines.", ""),
        ("2018-09-30T11:00:00", "billing", "Monthly charge $20.00, $141.25 charged in total so far. Pays by Mailed check, paper bill.", "20.0"),
    ]  # fmt: skip
    assert [(each["customer_id"], each["churned"]) for each in labels] == [("0000-XXXXX", "0"), ("0000-YYYYY", "1")]
    assert customers[0]["zip_code"] == "90001"
    assert not {"count", "country", "lat_long", "churn_label", "churn_score", "cltv", "churn_reason"} & {*customers[0]}


def test_card_accounts_are_told_in_four_sentences_without_a_classifiers_columns(made):
    interactions, labels, customers = made("bank_card_attrition")
    assert [each["text"] for each in interactions[:4]] == [
        "Opened a Blue card account 34 months ago.",
        "Last 12 months: 61 card transactions for 4100 in total. Fourth against first quarter: number of transactions x1.0, amount x1.25.",
        "Revolving balance 750 on a credit limit of 3000 (average use 25.0%).",
        "2 contact(s) with the bank in the last 12 months; inactive in 1 of them; holds 5 product(s).",
    ]
    assert (interactions[0]["timestamp"], interactions[4]["timestamp"]) == (
        "2017-02-28T09:00:00",
        "2018-12-31T09:00:00",
    )
    assert [each["churned"] for each in labels] == ["0", "1"]
    assert {*customers[0]} == {name.lower() for name in CARDS if not name.startswith(("CLIENT", "Attr", "Naive"))} | {"customer_id"}  # fmt: skip


@pytest.mark.parametrize("delimiter", [";", ","])
def test_students_are_told_without_the_second_semester(made, originals, delimiter):
    write_table(originals / "students_dropout_academic_success.csv", STUDENTS, delimiter)
    interactions, labels, customers = made("student_dropout")
    assert [each["text"] for each in interactions] == [
        "Enrolled in Nursing (choice number 5), daytime classes, aged 19, admission grade 131.5 of 200.",
        "Tuition fees up to date; no debts; holds a scholarship.",
        "First semester: enrolled in 6 course units, 0 credited, 7 evaluations taken, 6 units passed, 0 without any evaluation, mean grade 13.5 of 20.",
        "Enrolled in Management (evening) (choice number 1), evening classes, aged 41, admission grade 140 of 200.",
        "Tuition fees NOT up to date; owes money to the university; no scholarship.",
        "First semester: enrolled in 5 course units, 1 credited, 4 evaluations taken, 2 units passed, 3 without any evaluation, mean grade 10.0 of 20.",
    ]
    assert [(each["score"], each["units_passed"]) for each in interactions[1:3]] == [("", ""), ("13.4567", "6")]
    assert labels[1] == {"customer_id": "st00002", "churned": "1", "as_of": "2019-02-28"}
    assert customers[0]["mothers_qualification"] == "3"
    assert not [name for name in customers[0] if "2nd" in name or name in ("gdp", "unemployment_rate", "target")]


def test_chat_members_are_judged_by_sixty_days_and_nobody_is_named(made):
    interactions, labels, customers = made("dev_chat")
    churned = {each["customer_id"]: each["churned"] for each in labels}
    assert sorted(churned.values()) == ["0", "0", "1", "1"]
    assert {each["community"] for each in customers} == {"racket"}
    bobs = [each for each in interactions if each["conversation_id"].startswith("racket2018") and churned[each["customer_id"]] == "1"]  # fmt: skip
    assert [(each["timestamp"], each["text"]) for each in bobs] == [
        ("2017-12-31T10:00:00", "ask @someone or @someone, not @atom"),
        ("2018-03-01T10:00:00", "use &lt;"),
        ("2018-04-07T23:59:59", "mail me: [email]"),
    ]
    assert {each["as_of"] for each in labels} == {"2018-04-07", "2019-04-07"}
    assert all(each["customer_id"].startswith("dev_") for each in labels)
    assert not any(name in str(interactions) + str(labels) for name in ("Ann", "Bob", "Cleo", "too early", "here I am"))


def test_brands_are_left_or_not_and_what_is_said_twice_counts_once(made):
    interactions, labels, customers = made("churn_intent_chat_de")
    assert [(each["customer_id"], each["text"], each["brand"]) for each in interactions] == [
        ("de0001", "Alto is dear, I go to Basso", "alto"),
        ("de0002", "Alto is dear, I go to Basso", "basso"),
        ("de0003", "Basso, I stay", "basso"),
        ("de0004", "Alto?", "alto"),
        ("de0005", "alto?", "alto"),
    ]
    assert [each["churned"] for each in labels] == ["1", "0", "0", "1", "0"]
    assert customers[1] == {"customer_id": "de0002", "brand": "basso", "language": "de"}


def test_a_message_that_is_said_to_leave_and_to_stay_is_left_out(made, originals):
    replace(originals / "DE_chatbot.csv", "alto?", "Alto?")
    _, labels, _ = made("churn_intent_chat_de")
    assert [each["customer_id"] for each in labels] == ["de0001", "de0002", "de0003"]


def test_reviewers_are_taken_at_the_first_half_year_and_judged_by_the_next_365_days(made):
    interactions, labels = made("amazon_music_reviews")
    assert sorted((each["as_of"], each["churned"]) for each in labels) == [("2010-12-31", "0"), ("2010-12-31", "1")]
    assert len(interactions) == 6
    assert interactions[0]["timestamp"] == "2010-12-29T00:00:00"
    assert {(each["text"], each["rating"]) for each in interactions} == {(f"No. {n}. I like it", "4") for n in range(3)}


def test_of_a_download_that_is_cut_off_the_whole_lines_are_read(made, originals):
    path = originals / "reviews_Digital_Music_5.json.gz"
    last = {"reviewerID": "LAST", "text": hashlib.shake_256(b"").hexdigest(5000)}  # more than a decompressor holds back
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + json.dumps(last).encode())[:-1000])
    _, labels = made("amazon_music_reviews")
    assert len(labels) == 2


def test_shop_invoices_are_events_and_ninety_days_without_an_order_are_churn(made):
    interactions, labels, customers = made("online_retail")
    assert [(each["customer_id"], each["timestamp"], each["channel"], each["text"]) for each in interactions] == [
        ("17850", "2011-05-03T10:00:00", "order", "Order of 2 lines, GBP 7.00: 1x BOX, RED, 2x CUP"),
        ("17850", "2011-09-09T10:00:00", "return", "Return/cancellation of 1 line, GBP 1.50: 1x CUP"),
        ("17850", "2011-09-09T11:00:00", "order", "Order of 1 line, GBP 1.50: 1x CUP"),
        ("17851", "2011-05-03T12:00:00", "order", "Order of 9 lines, GBP 45.00: 1x N9, 1x N8, 1x N7, 1x N6, 1x N5, 1x N4, 1x N3, 1x N2 and 1 more"),
        ("17851", "2011-09-09T11:00:00", "order", "Order of 1 line, GBP 1.50: 1x CUP"),
    ]  # fmt: skip
    assert [(each["amount"], each["n_lines"], each["n_units"], each["invoice_no"]) for each in interactions[:2]] == [
        ("7.0", "2", "3", "1"),
        ("-1.5", "1", "-1", "C4"),
    ]
    assert [(each["customer_id"], each["churned"]) for each in labels] == [("17850", "0"), ("17851", "1")]
    assert [each["country"] for each in customers] == ["Malta", "Spain"]


def test_enrolments_stand_on_day_sixty_and_know_nothing_later(made):
    interactions, labels, customers = made("oulad_withdrawal")
    assert [(each["customer_id"][-1], each["timestamp"], each["text"]) for each in interactions] == [
        ("1", "2013-06-21T09:00:00", "Registered for module AAA (2013J) 102 days before the start: 60 credits in total this session, 0 previous attempt(s) at this module."),
        ("1", "2013-09-30T12:00:00", "Result of CMA (weight 12.5%) carried over from an earlier presentation: score 100."),
        ("1", "2013-10-19T12:00:00", "Handed in TMA (weight 10%) on day 18 (1 day(s) early): score 78."),
        ("2", "2013-09-26T09:00:00", "Registered for module AAA (2013J) 5 days before the start: 60 credits in total this session, 0 previous attempt(s) at this module."),
        ("2", "2013-10-20T23:00:00", "Did not hand in TMA (weight 10%), due on day 19."),
        ("2", "2013-11-24T23:00:00", "Did not hand in CMA (weight 12.5%), due on day 54."),
    ]  # fmt: skip
    assert [(each["customer_id"], each["churned"], each["as_of"]) for each in labels] == [
        ("ou_AAA2013J_1", "0", "2013-11-30"),
        ("ou_AAA2013J_2", "1", "2013-11-30"),
    ]
    assert {"gender", "code_module"} < {*customers[0]}
    assert "final_result" not in customers[0]


def test_accounts_are_told_up_to_the_quarter_and_flags_of_churn_are_ignored(made):
    interactions, labels, customers = made("saas_ravenstack_synthetic")
    assert [(each["timestamp"], each["text"], each["amount"]) for each in interactions if each["customer_id"] == "A-1"] == [
        ("2024-01-01T00:00:00", "Account created via ads: FinTech, DE, plan Basic, 5 seats.", ""),
        ("2024-02-01T00:00:00", "Subscription started: Pro, 8 seats, $392 a month, billed annual, auto-renew on.", "392.0"),
        ("2024-02-29T23:00:00", "2024-02: 2 usage sessions of 1 features, 15 actions, 1.0 h, 2 errors.", ""),
        ("2024-03-01T00:00:00", "Subscription ended: Pro, 8 seats, $392 a month.", "-392.0"),
        ("2024-04-01T00:00:00", "high priority ticket: first response after 74 min, solved in 32 h, satisfaction 5/5.", ""),
        ("2024-05-01T00:00:00", "low priority ticket: first response after 12 min, solved in 3.5 h, escalated, no satisfaction score.", ""),
        ("2024-06-01T00:00:00", 'Cancelled, reason code pricing, feedback: "too expensive", refund $17.06 (had come back before).', "-17.06"),
    ]  # fmt: skip
    assert [each["text"] for each in interactions if each["customer_id"] == "A-2"] == [
        "Account created via ads: FinTech, DE, plan Basic, 5 seats, trial.",
        "Subscription started: Pro, 8 seats, $0 a month, billed annual, trial, auto-renew off.",
    ]
    assert [(each["customer_id"], each["churned"]) for each in labels] == [("A-1", "0"), ("A-2", "1")]
    assert not {"churn_flag", "account_name"} & {*customers[0]}


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, description in sets.list_descriptions().items()
        if description.fetch and name != "churn_intent_chat_en"
    ],
)
def test_a_fetched_set_is_found_and_imported_under_any_name(originals, tmp_path, agent, name):
    folder = fetch(name, source=str(originals), to=tmp_path / "other").folder
    found = sets.find_set("other", near=tmp_path)
    assert found.description == sets.list_descriptions()[name]
    found.import_into(agent)
    rows, labels = table(folder, "interactions"), table(folder, "labels")
    for label in labels:
        snapshot = agent.snapshot(label["customer_id"])
        assert len(snapshot.interactions) == sum(each["customer_id"] == label["customer_id"] for each in rows)
    assert agent.snapshot(labels[0]["customer_id"]).card == found.description.book


def test_a_fetched_set_has_samples(originals, tmp_path, agent):
    folder = fetch("banking77_closure_intent", source=str(originals), to=tmp_path / "b").folder
    found = sets.find_set(str(folder), near=tmp_path)
    found.import_into(agent)
    assert sum(each.churned for each in found.samples(agent)) == 4


# --- originals that are not what they should be


def replace(path, old, new):
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "says"),
    [
        ("bank_card_attrition", "BankChurners.csv", "Total_Trans_Ct", "Other", "no column 'total_trans_ct'"),
        ("bank_card_attrition", "BankChurners.csv", "Attrited Customer", "Gone", "'Gone' is none of Attrited Customer"),
        ("bank_card_attrition", "BankChurners.csv", "Attrited Customer", "Existing Customer", "of 2 customers 0 churned"),
        ("bank_card_attrition", "BankChurners.csv", ",0.99,0.01", "", "BankChurners.csv:3: 15 cells where the header has 17"),
        ("bank_card_attrition", "BankChurners.csv", "1500.5", "much", "could not convert string to float: 'much'"),
        ("student_dropout", "students_dropout_academic_success.csv", "9500", "12", "'12' is no course of the set"),
        ("student_dropout", "students_dropout_academic_success.csv", f"{FIRST} (credited)", "x", "no column 'credited'"),
        ("banking77_closure_intent", "test.csv", "card_arrival", "terminate_account", "too few"),
        ("dev_chat", "data/racket/2018/merged-racket-general.xml", "</discourse>", "", "general.xml: no valid XML"),
        ("dev_chat", "data/racket/2018/merged-racket-general.xml", "2018-02-01T10", "Monday", "Monday"),
        ("churn_intent_chat_de", "DE_chatbot.csv", "Company,y\n", "Company,z\n7,Alto,Alto,no\n", "0 of the columns id, message, company, z hold zeros and ones"),
        ("churn_intent_chat_de", "DE_chatbot.csv", "Company,y\n", "Company,y\n" + 7 * "1,hello there,Cello,0\n", "no column holds the companies"),
    ],
)  # fmt: skip
def test_an_original_that_cannot_be_read_leaves_nothing(originals, tmp_path, name, file, old, new, says):
    replace(originals / file, old, new)
    with pytest.raises(FileFormatError, match=f"set '{name}': its original files are not as expected: .*{says}"):
        fetch(name, source=str(originals), to=tmp_path / "new" / "set")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_spreadsheet_that_is_none_is_named(originals, tmp_path):
    (originals / "Telco_customer_churn.xlsx").write_bytes(b"PK\3\4 cut off")
    with pytest.raises(FileFormatError, match="not a readable spreadsheet"):
        fetch("telco_ibm", source=str(originals), to=tmp_path / "set")


def test_a_local_copy_may_be_the_file_itself_or_a_file_address(originals, tmp_path):
    path = originals / "BankChurners.csv"
    for n, source in enumerate((str(path), path.as_uri(), originals.as_uri())):
        found = fetch("bank_card_attrition", source=source, to=tmp_path / str(n))
        assert found.sha256 == {str(path): hashlib.sha256(path.read_bytes()).hexdigest()}
        assert found.trust == (
            "the description has no SHA-256: your copy is not verified",
            "WARNING, the description says otherwise: 10,127 customers, 1,627 churned",
        )


def test_a_copy_that_lacks_a_file_is_refused(originals, tmp_path):
    (originals / "test.csv").unlink()
    with pytest.raises(InputError, match=r"does not contain 'banking_data/test.csv'"):
        fetch("banking77_closure_intent", source=str(originals), to=tmp_path / "set")
    with pytest.raises(InputError, match="needs 2 files"):
        fetch("banking77_closure_intent", source=str(originals / "train.csv"), to=tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_files_of_one_name_do_not_stand_for_each_other(originals, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in originals.glob("data/*/*/*.xml"):
        path.rename(flat / path.name)
    with pytest.raises(InputError, match=r"does not contain 'data/racket/2019/merged-racket-general.xml'"):
        fetch("dev_chat", source=str(flat), to=tmp_path / "set")


# --- the folder


def test_a_folder_that_is_not_empty_is_refused_and_an_empty_one_is_taken(originals, tmp_path):
    target = tmp_path / "set"
    target.mkdir()
    fetch("telco_ibm", source=str(originals), to=target)
    kept = table(target, "labels")
    with pytest.raises(InputError, match="exists and is not empty"):
        fetch("bank_card_attrition", source=str(originals), to=target)
    assert table(target, "labels") == kept
    with pytest.raises(InputError, match="exists and is not empty"):
        fetch("bank_card_attrition", source=str(originals), to=target / "labels.csv")


def test_a_set_goes_to_the_folder_of_sets(cli, originals, tmp_path, monkeypatch):
    assert fetch("telco_ibm", source=str(originals)).folder.resolve() == (tmp_path / "telco_ibm").resolve()
    many = tmp_path / "many"
    assert fetch("telco_ibm", source=str(originals), sets_dir=many).folder == many / "telco_ibm"
    monkeypatch.setenv("CHURN_AGENT_SETS_DIR", str(tmp_path / "others"))
    result = cli("eval", "fetch", "telco_ibm", "--from", originals, "--json")
    assert result.json["folder"] == str(tmp_path / "others" / "telco_ibm")
    assert (
        sets.find_set("telco_ibm", near=tmp_path / "nowhere", sets_dir=tmp_path / "many").description.book.domain
        == "telecom"
    )


def test_a_folder_that_cannot_be_made_is_one_line(originals):
    with pytest.raises(InputError, match="cannot use"):
        fetch("telco_ibm", source=str(originals), to=originals / "train.csv" / "set")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("hard_cases", "need not be fetched; it is shipped"),
        ("nowhere", "no set 'nowhere'; choose from amazon_music_reviews, bank_card_attrition, "),
    ],
)
def test_a_set_that_cannot_be_fetched_says_what_to_do(name, says):
    with pytest.raises(InputError, match=says):
        fetch(name)


# --- the network


class Server:
    """Serves a folder; what stands in `faults` goes out first."""

    def __init__(self, folder):
        self.asked, self.faults = [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                fault = outer.faults.pop(0) if outer.faults else None
                path = folder / self.path.lstrip("/")
                status = fault if isinstance(fault, int) else 200 if path.is_file() else 404
                body = path.read_bytes() if status == 200 else b"sorry"
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server(originals, monkeypatch):
    monkeypatch.setattr(fetching._again, "wait", tenacity.wait_none())
    running = Server(originals)
    yield running
    running.http.shutdown()
    running.http.server_close()


@pytest.fixture
def card(server, tmp_path, monkeypatch):
    """Puts a card of a set `cards`, which lies on the server."""

    def put(**more):
        block = {"converter": "card_accounts", "folder": f"{server.url}/", "files": ["BankChurners.csv"], **more}
        folder = tmp_path / "shipped"
        (folder / "sets").mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump({"book": {"company": "the bank"}, "origin": "here", "fetch": block})
        (folder / "sets" / "cards.yaml").write_text(text, encoding="utf-8")
        monkeypatch.setattr(sets, "shipped_folder", lambda: folder)

    return put


def test_an_address_without_a_hash_is_fetched_and_said_to_be_pinned_by_its_commit(server, card, tmp_path):
    card(customers=2, churned=1)
    found = fetch("cards")
    assert (found.customers, found.churned, found.interactions) == (2, 1, 8)
    assert list(found.sha256) == [f"{server.url}/BankChurners.csv"]
    assert found.trust == (
        "the description has no SHA-256: it is pinned only by the commit in its address",
        "the numbers of customers and churned match the description",
    )
    assert {path.name for path in tmp_path.iterdir()} == {"cards", "originals", "shipped"}
    assert {path.name for path in found.folder.iterdir()} == {"interactions.csv", "labels.csv", "customers.csv", "set.yaml"}  # fmt: skip


def test_a_hash_on_the_card_is_checked(card, originals, tmp_path):
    path = originals / "BankChurners.csv"
    card(sha256=[hashlib.sha256(path.read_bytes()).hexdigest()])
    assert fetch("cards", to=tmp_path / "right").trust == ("the SHA-256 matches the description",)
    replace(path, "900001", "900003")
    for source in (None, str(path)):
        with pytest.raises(Unavailable, match="is not the file that the description names: its SHA-256 is"):
            fetch("cards", source=source, to=tmp_path / "new" / "wrong")
        assert list((tmp_path / "new").iterdir()) == []


def test_what_is_not_there_is_not_asked_for_again(server, card, originals, tmp_path):
    card()
    (originals / "BankChurners.csv").unlink()
    with pytest.raises(
        Unavailable, match=r"cannot fetch http.*BankChurners.csv: the server responded with 404 Not Found; use"
    ):
        fetch("cards", to=tmp_path / "new" / "set")
    assert len(server.asked) == 1
    assert list((tmp_path / "new").iterdir()) == []


def test_what_can_pass_is_tried_again(server, card):
    card()
    server.faults = [503, "cut"]
    assert fetch("cards").customers == 2
    assert len(server.asked) == 3


def test_a_download_that_is_always_cut_off_leaves_nothing(server, card, tmp_path):
    card()
    server.faults = ["cut"] * 9
    with pytest.raises(Unavailable, match=r"cannot fetch .*try again, or use a copy with --from"):
        fetch("cards", to=tmp_path / "new" / "set")
    assert len(server.asked) == 3
    assert list((tmp_path / "new").iterdir()) == []


def test_a_server_that_is_not_there_is_one_line(server, tmp_path):
    with pytest.raises(Unavailable, match=r"cannot fetch http://127\.0\.0\.1:1/"):
        fetch("telco_ibm", source="http://127.0.0.1:1/x.xlsx", to=tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_copies_on_another_server_lie_below_an_address_as_below_what_the_originals_share(server, originals, tmp_path):
    fetch("telco_ibm", source=f"{server.url}/Telco_customer_churn.xlsx", to=tmp_path / "1")
    fetch("bank_card_attrition", source=f"{server.url}/", to=tmp_path / "2")
    fetch("banking77_closure_intent", source=server.url, to=tmp_path / "3")
    found = fetch("dev_chat", source=f"{server.url}/data", to=tmp_path / "4")
    assert server.asked[:4] == ["/Telco_customer_churn.xlsx", "/BankChurners.csv", "/train.csv", "/test.csv"]
    assert server.asked[-1] == "/data/racket/2019/merged-racket-general.xml"
    assert found.customers == 4


# --- the command


def test_the_command_says_what_came_and_what_to_do_next(cli, originals, tmp_path):
    done = cli("eval", "fetch", "telco_ibm", "--from", originals, "-o", tmp_path / "set")
    assert done.code == 0
    assert done.out.splitlines()[1:] == [
        "the description has no SHA-256: your copy is not verified",
        "WARNING, the description says otherwise: 7,043 customers, 1,869 churned",
        "licence: none stated in the repository; IBM distributes it as sample data",
        f"written: {tmp_path / 'set'}: 2 customers, 1 churned",
        f"check it: churn-agent eval doctor {tmp_path / 'set'}",
    ]
    again = cli("eval", "fetch", "telco_ibm", "--from", originals, "-o", tmp_path / "set")
    assert (again.code, again.out) == (2, "")
    assert "not empty" in again.err.splitlines()[-1]
    as_json = cli("eval", "fetch", "telco_ibm", "--from", originals, "-o", tmp_path / "b", "--json").json
    assert (as_json["interactions"], as_json["folder"]) == (6, str(tmp_path / "b"))
