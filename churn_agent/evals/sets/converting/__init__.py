"""Turns public data sets, in the form they were published in, into cases of a labelled set.

Converters put fields into words and add nothing; they leave out what tells the outcome. Where one draws a sample, the
seed is fixed.
"""

from collections.abc import Mapping

from churn_agent.evals.sets.converting import histories, messages, records
from churn_agent.evals.sets.converting.cases import Converter

CONVERTERS: Mapping[str, Converter] = {
    "closure_intent": messages.closure_intent,
    "brand_intent": messages.brand_intent,
    "chat_members": messages.chat_members,
    "reviewers": messages.reviewers,
    "phone_company": records.phone_company,
    "card_accounts": records.card_accounts,
    "students": records.students,
    "shop_orders": histories.shop_orders,
    "course_enrolments": histories.course_enrolments,
    "software_accounts": histories.software_accounts,
}
