"""What the official anthropic package for Python must be able to do, with strict response validation.

Usage: anthropic_python.py BASE_URL API_KEY CHAT_MODEL; prints one JSON line for each check.
"""

import json
import sys

import anthropic
from anthropic import Anthropic

base_url, api_key, chat_model = sys.argv[1:4]
client = Anthropic(base_url=base_url, api_key=api_key, max_retries=0, _strict_response_validation=True)
hello = {"model": chat_model, "max_tokens": 256, "messages": [{"role": "user", "content": "say hello"}]}
checks = []


def check(function):
    checks.append(function)
    return function


@check
def message():
    answer = client.messages.create(**hello, system="Be brief.")
    assert answer.content[0].text and answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0
    assert answer._request_id


@check
def stream():
    whole = client.messages.create(**hello)
    with client.messages.stream(**hello) as running:
        text = "".join(running.text_stream)
        final = running.get_final_message()
    assert text == final.content[0].text == whole.content[0].text
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.usage.input_tokens == whole.usage.input_tokens


@check
def raw_stream():
    types = [event.type for event in client.messages.create(**hello, stream=True)]
    assert types[0] == "message_start" and types[-1] == "message_stop", types


@check
def bearer():
    token = Anthropic(base_url=base_url, auth_token=api_key, api_key=None, max_retries=0)
    assert token.messages.create(**hello).type == "message"


@check
def count_tokens():
    counted = client.messages.count_tokens(model=chat_model, messages=hello["messages"])
    assert counted.input_tokens > 0


@check
def errors():
    for failing, expected in [
        (lambda: client.messages.create(**{**hello, "model": "no-such-model"}), anthropic.NotFoundError),
        (lambda: Anthropic(base_url=base_url, api_key="sk-wrong").messages.create(**hello), anthropic.AuthenticationError),
        (lambda: client.messages.create(**{**hello, "messages": []}), anthropic.BadRequestError),
    ]:
        try:
            failing()
        except expected as error:
            assert error.body["type"] == "error" and error.request_id, error.body
        else:
            raise AssertionError(f"{expected.__name__} was expected")


failed = False
for function in checks:
    try:
        function()
        print(json.dumps({"check": function.__name__, "ok": True}))
    except Exception as error:
        failed = True
        print(json.dumps({"check": function.__name__, "ok": False, "error": repr(error)[:2000]}))
sys.exit(1 if failed else 0)
