import pytest

from churn_agent.domain.permissions import MEDIA, medium_of, refused


@pytest.mark.parametrize(
    ("attributes", "media"),
    [
        ({"Do not call": "Yes"}, {"phone"}),
        ({"do-not-call": "1"}, {"phone"}),
        ({"donotcall": "x"}, {"phone"}),
        ({"phone_consent": "no"}, {"phone"}),
        ({"may_call": "false"}, {"phone"}),
        ({"kein_anruf": "ja"}, {"phone"}),
        ({"nicht anrufen": "ja"}, {"phone"}),
        ({"Anrufsperre": "ja"}, {"phone"}),
        ({"telefon_einwilligung": "nein"}, {"phone"}),
        ({"may_email": "no"}, {"email"}),
        ({"opt_out_email": "true"}, {"email"}),
        ({"email_opt_out": "2026-01-31"}, {"email"}),
        ({"Opted out of e-mails": "yes"}, {"email"}),
        ({"keine_mails": "ja"}, {"email"}),
        ({"unsubscribed": "yes"}, {"email"}),
        ({"sms_opt_in": "0"}, {"sms"}),
        ({"may_be_contacted": "no"}, MEDIA),
        ({"do_not_contact": "yes"}, MEDIA),
        ({"Kontaktsperre": "ja"}, MEDIA),
        ({"may_call": "no", "may_email": "no"}, {"phone", "email"}),
        ({"do_not_call": "no"}, set()),
        ({"phone_consent": "yes"}, set()),
        ({"phone_consent": ""}, set()),
        ({"may_email": "2026-01-31"}, set()),
        ({"note": "do not call"}, set()),
        ({"contact": "no"}, set()),
        ({"no_contract": "yes"}, set()),
        ({"calls": "0"}, set()),
        ({"last_call": "2026-01-31"}, set()),
        ({"email": "no"}, set()),
    ],
)
def test_attributes_can_refuse_a_medium(attributes, media):
    assert refused(attributes) == media


@pytest.mark.parametrize(
    ("channel", "medium"),
    [
        ("phone", "phone"),
        ("video call", "phone"),
        ("Telefon", "phone"),
        ("email", "email"),
        ("E-Mail", "email"),
        ("visit", None),
    ],
)
def test_the_channel_of_an_action_has_a_medium(channel, medium):
    assert medium_of(channel) == medium
