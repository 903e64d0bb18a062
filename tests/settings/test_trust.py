import os
import stat

import pytest

from churn_agent.errors import InputError
from churn_agent.settings import trust_record


def test_the_record_is_for_the_user_alone(tmp_path):
    old = os.umask(0)
    try:
        trust_record.grant(tmp_path / ".env", "0" * 64)
    finally:
        os.umask(old)
    path = trust_record.record_path()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_trust_is_of_one_content_and_can_be_taken_back(tmp_path):
    trust_record.grant(tmp_path / "a", "1")
    trust_record.grant(tmp_path / "b", "2")
    trust_record.grant(tmp_path / "a", "3")
    assert trust_record.entries() == {str(tmp_path / "a"): "3", str(tmp_path / "b"): "2"}
    assert trust_record.revoke(tmp_path / "a")
    assert not trust_record.revoke(tmp_path / "a")
    assert trust_record.entries() == {str(tmp_path / "b"): "2"}


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"a": 1}', b"\xff"])
def test_a_damaged_record_trusts_nothing(tmp_path, content):
    trust_record.grant(tmp_path / "a", "1")
    trust_record.record_path().write_bytes(content)
    with pytest.raises(InputError, match="it is damaged; delete it and trust your files again"):
        trust_record.entries()
    with pytest.raises(InputError, match="damaged"):
        trust_record.grant(tmp_path / "b", "1")
    assert trust_record.record_path().read_bytes() == content


def test_a_record_that_cannot_be_written_is_one_line(tmp_path):
    trust_record.record_path().parent.parent.mkdir(exist_ok=True)
    trust_record.record_path().parent.touch()
    with pytest.raises(InputError, match=r"cannot (read|write) the record of trusted files"):
        trust_record.grant(tmp_path / "a", "1")
