from warden.core.quoting import quoted


def test_another_systems_words_are_bounded_and_without_what_looks_like_a_value():
    key = "sk-or-v1-" + "8f2c4e6a1b3d5f7092a4c6e8b0d2f4a6"
    assert key[12:] not in quoted(f"could not read {key}")
    assert quoted("a\n  b\tc") == "a b c"
    assert len(quoted("word " * 200)) == 201
