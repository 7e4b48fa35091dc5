"""Counting with a real vocabulary, offline; needs the extra `vocab` (splintr-rs).

The vocabularies lie compiled in the wheel: nothing is downloaded, no file is read. None of them is
the current models' own (there is none in public), so this is a steadier prior than characters, not
the truth: measured against it, o200k_base is 31 % short on code, 46 % on Latin prose, 26 % on
Chinese, Japanese and Korean, 22 % on JSON. The usage ledger learns the rest from the API's answers,
sooner than from a ratio of characters, since the error is more even.
"""

from __future__ import annotations

from harness.lifecycle.memory.tokens import TokenCounter

DEFAULT_VOCABULARY = "o200k_base"


def vocabulary_counter(name: str = DEFAULT_VOCABULARY) -> TokenCounter:
    """A `count(text) -> int` by this vocabulary, for `token_counter`; loading takes some 50 ms.

    Spelled-out special tokens such as `<|endoftext|>` count as the text they are. ValueError where
    there is no vocabulary of that name.
    """
    try:
        from splintr import Tokenizer
    except ImportError as error:
        raise ImportError(
            "vocabulary_counter needs splintr-rs: install the extra, conversation-crash-lab[vocab]"
        ) from error
    encode = Tokenizer.from_pretrained(name).encode_ordinary

    def count(text: str) -> int:
        try:
            return len(encode(text))
        except UnicodeEncodeError:
            # A lone surrogate has no UTF-8; it is refused elsewhere, with a message.
            return len(encode(text.encode("utf-8", "replace").decode("utf-8")))

    return count
