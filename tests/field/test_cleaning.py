"""What is left out of a mail, and what never is."""

import pytest

from tests.field.books import lines, put, quotable, stored, texts

HEADER = "customer_id,created_at,channel,direction,text"
OURS = "We are sorry that you want to end your contract. You will lose all your points."
OWN = "The boiler is warm again, many thanks for the quick help."


def written(agent, tmp_path, text, channel="email"):
    quoted = text.replace('"', '""')
    agent.ingest(put(tmp_path / "t.csv", lines(HEADER, f'k1,2025-03-04T10:00:00Z,{channel},inbound,"{quoted}"')))
    [row] = stored(agent, "k1")
    return row


# 10
@pytest.mark.parametrize(
    ("channel", "text", "kept"),
    [
        ("email", "Good day,\nUnsubscribe me from the tariff and close my account, I go.\nKind regards\nKim",
         "Unsubscribe me from the tariff and close my account, I go."),
        ("chat", "Hi\nTo unsubscribe from your service is hopeless, I tried five times and call my lawyer\nbye",
         "To unsubscribe from your service is hopeless, I tried five times and call my lawyer"),
        ("email", "Dear all,\nThis email is confidential no more: you lost my data and I end my contract.\nRo",
         "This email is confidential no more: you lost my data and I end my contract."),
        ("email", "Hello,\nPlease unsubscribe me.\n", "Please unsubscribe me."),
    ],
)  # fmt: skip
def test_a_sentence_of_the_customer_that_sounds_like_a_footer_stays(agent, tmp_path, channel, text, kept):
    assert kept in written(agent, tmp_path, text, channel).text


def test_a_footer_at_the_end_is_marked_and_not_lost(agent, tmp_path):
    footer = "Sent from my iPhone"
    row = written(agent, tmp_path, f"{OWN}\n\n{footer}")
    assert OWN in row.text
    assert footer not in row.text
    assert footer in row.visible_text


# 11
@pytest.mark.parametrize(
    ("text", "kept", "cut"),
    [
        ("On 04.03.2025 10:00, Warm Support wrote:\n> We are sorry to hear that you want to end it.\n> You are rude.\n\n"
         "No, I do not want to end it. I want a new pump.",
         "No, I do not want to end it. I want a new pump.", "sorry"),
        ("Am 04.03.25 um 10:00 schrieb Warm Support:\n> Wir bedauern Ihre Kündigung.\n\nIch habe nie gekündigt.",
         "Ich habe nie gekündigt.", "bedauern"),
    ],
)  # fmt: skip
def test_an_answer_below_the_quoted_mail_is_read_without_it(agent, tmp_path, text, kept, cut):
    row = written(agent, tmp_path, text)
    assert row.text == kept
    assert cut in row.visible_text


# 12
@pytest.mark.parametrize(
    ("channel", "text", "kept"),
    [
        ("email", "Hi,\nthe January bill again, please.\n\nBest regards,\nTom Roe\n\n"
         "P.S. Once more and we go to your rival.", "P.S. Once more and we go to your rival."),
        ("ticket", "Thanks,\nbut that did not help. I want my money back and I will leave.", "I will leave."),
        ("email", "Where is my refund?\n\nThanks\nI have waited since May and I will leave.", "and I will leave."),
    ],
)  # fmt: skip
def test_what_stands_below_a_closing_is_not_a_signature(agent, tmp_path, channel, text, kept):
    assert kept in written(agent, tmp_path, text, channel).text


# 49
US = "Warm Support <help@warm.example>"
ATTRIBUTIONS = {
    "gmail en": f"On Tue, Mar 4, 2025 at 10:00 AM {US} wrote:\n\n> {OURS}",
    "gmail en, wrapped": f"On Tue, Mar 4, 2025 at 10:00 AM Warm Customer Support Department <\nhelp@warm.example> wrote:\n\n> {OURS}",
    "gmail de": f"Am Di., 4. März 2025 um 10:00 Uhr schrieb {US}:\n\n> {OURS}",
    "gmail fr": f"Le mar. 4 mars 2025 à 10:00, {US} a écrit :\n\n> {OURS}",
    "gmail es": f"El mar, 4 mar 2025 a las 10:00, {US} escribió:\n\n> {OURS}",
    "gmail it": f"Il giorno mar 4 mar 2025 alle ore 10:00 {US} ha scritto:\n\n> {OURS}",
    "gmail nl": f"Op di 4 mrt 2025 om 10:00 schreef {US}:\n\n> {OURS}",
    "gmail pt": f"Em ter., 4 de mar. de 2025 às 10:00, {US} escreveu:\n\n> {OURS}",
    "gmail pl": f"wt., 4 mar 2025 o 10:00 {US} napisał(a):\n\n> {OURS}",
    "gmail sv": f"Den tis 4 mars 2025 kl 10:00 skrev {US}:\n\n> {OURS}",
    "gmail da": f"Den tirs. 4. mar. 2025 kl. 10.00 skrev {US}:\n\n> {OURS}",
    "gmail cs": f"út 4. 3. 2025 v 10:00 odesílatel {US} napsal:\n\n> {OURS}",
    "gmail ru": f"вт, 4 мар. 2025 г. в 10:00, {US}:\n\n> {OURS}",
    "gmail ja": f"2025年3月4日(火) 10:00 {US}:\n\n> {OURS}",
    "gmail tr": f"{US}, 4 Mar 2025 Sal, 10:00 tarihinde şunu yazdı:\n\n> {OURS}",
    "apple en": f"> On 4 Mar 2025, at 10:00, {US} wrote:\n> \n> {OURS}",
    "outlook en": f"From: {US}\nSent: Tuesday, March 4, 2025 10:00 AM\nTo: Kim <kim@home.example>\nSubject: RE: Boiler\n\n{OURS}",
    "outlook mobile": f"Get Outlook for iOS<https://aka.ms/o0ukef>\n________________________________\nFrom: {US}\nSent: Tuesday, March 4, 2025 10:00:00 AM\nTo: Kim\nSubject: RE: Boiler\n\n{OURS}",
    "outlook bold": f"*From:* {US}\n*Sent:* Tuesday, March 4, 2025 10:00 AM\n*To:* Kim\n*Subject:* RE: Boiler\n\n{OURS}",
    "outlook sv": f"Från: {US}\nSkickat: den 4 mars 2025 10:00\nTill: Kim\nÄmne: SV: Boiler\n\n{OURS}",
    "outlook da": f"Fra: {US}\nSendt: 4. marts 2025 10:00\nTil: Kim\nEmne: SV: Boiler\n\n{OURS}",
    "help desk": f"##- Please type your reply above this line -##\n\nWarm Support\n{OURS}",
    "original message": f"-----Original Message-----\nFrom: {US}\nSent: Tuesday, March 4, 2025 10:00 AM\nTo: Kim\nSubject: Boiler\n\n{OURS}",
}  # fmt: skip


@pytest.mark.parametrize("client", ATTRIBUTIONS)
def test_our_quoted_words_are_not_the_customers_in_any_language(agent, tmp_path, client):
    row = written(agent, tmp_path, f"{OWN}\n\n{ATTRIBUTIONS[client]}\n")
    assert OWN in row.text
    assert "end your contract" not in row.text
    assert "end your contract" in row.visible_text


@pytest.mark.parametrize(
    "quoted",
    [
        '----------- Original Message -----------\nFrom: "Warm"\nDate: Monday, July 24th 2023 at 3:59 pm\nSubject: Visit\n'
        f'To: "Kim"\n\n> {OURS}\n > Tuesday: 3:30',
        f"On 4 March 2025 at 10:00:00, Warm (help@warm.example) said:\n\n\n{OURS}",
        f"On Mar 4, 2025, at 9:36 PM, Warm <help@warm.example<mailto:help@warm.example>> wrote:\n\n{OURS}",
    ],
    ids=["Proton", "Airmail", "linked address"],
)
def test_rarer_forms_of_quotes_are_known(agent, tmp_path, quoted):
    assert written(agent, tmp_path, f"{OWN}\n\n{quoted}\n").text == OWN


# 58
HTML = {
    "one tag in a plain mail": (
        "Hello,\nthe bill is wrong again.<br>\nI leave.\n\nOn Tue, Mar 4, 2025 at 10:00 AM Warm <h@warm.example> "
        f"wrote:\n> {OURS}\n> Bye",
        "I leave.",
    ),
    "Outlook": (
        f"<html><body><p class=MsoNormal>{OWN}</p><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p><b>From:"
        "</b> Warm &lt;help@warm.example&gt;<br><b>Sent:</b> Tuesday, March 4, 2025 10:00 AM<br><b>To:</b> Kim<br>"
        f"<b>Subject:</b> RE: Boiler</p></div><p>{OURS}</p></body></html>",
        OWN,
    ),
    "Gmail": (
        f'<div dir="ltr">{OWN}</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Tue, Mar 4, 2025 '
        'at 10:00 AM Warm &lt;<a href="mailto:h@warm.example">h@warm.example</a>&gt; wrote:<br></div><blockquote '
        f'class="gmail_quote" style="margin:0">{OURS}</blockquote></div>',
        OWN,
    ),
    "Apple": (
        f'<html><body>{OWN}<br><div><br><blockquote type="cite"><div>Am 04.03.2025 um 10:00 schrieb Warm '
        f"&lt;help@warm.example&gt;:</div><br><div>{OURS}</div></blockquote></div></body></html>",
        OWN,
    ),
    "Outlook on the web": (
        f'<div>{OWN}</div><hr tabindex="-1"><div id="divRplyFwdMsg"><b>From:</b> Warm<br><b>Sent:</b> Tuesday, March '
        f"4, 2025 10:00 AM<br><b>To:</b> Kim<br><b>Subject:</b> Re: Boiler</div><div>{OURS}</div>",
        OWN,
    ),
    "Thunderbird, answer below": (
        '<html><body><div class="moz-cite-prefix">Am 04.03.25 um 10:00 schrieb Warm:<br></div><blockquote type="cite">'
        f"{OURS}</blockquote><p>{OWN}</p></body></html>",
        OWN,
    ),
    "a blockquote of the customer's own": (
        f"<p>{OWN}</p><p>My neighbour says:</p><blockquote>go to the rival</blockquote><p>and I agree.</p>",
        "and I agree.",
    ),
}


@pytest.mark.parametrize("client", HTML)
def test_quotes_in_html_are_left_out_and_answers_around_them_are_read(agent, tmp_path, client):
    text, kept = HTML[client]
    row = written(agent, tmp_path, text)
    assert kept in row.text
    assert "end your contract" not in row.text


# 82
def test_the_end_of_a_pasted_log_is_read(agent, tmp_path):
    log = "\n".join(f"11:{n % 60:02}:00 ERROR pump-{n % 7} stopped at step {n}" for n in range(8000))
    threat = "If the pump is not mended today I will end the contract."
    written(agent, tmp_path, f"Good day, the log is below.\n{log}\n{threat}", "ticket")
    shown = "\n".join(quotable(agent, "k1"))
    assert "Good day, the log is below." in shown
    assert threat in shown


# 83
@pytest.mark.parametrize(
    "text",
    [
        "أريد إنهاء العقد 😡 فوراً", "😡😡", "👍🏽", "\u202eevael tnaw I\u202c", "אני רוצה לעזוב. 👨‍👩‍👧",
        "Ｉ ｗａｎｔ ｔｏ ｌｅａｖｅ", "...", "我要取消合同", "ฉันต้องการยกเลิก",
    ],
)  # fmt: skip
def test_letters_of_every_script_come_in_unchanged(agent, tmp_path, text):
    written(agent, tmp_path, text, "chat")
    assert texts(agent, "k1") == [text]
