"""What the official openai package for Python must be able to do, with strict response validation.

Usage: openai_python.py BASE_URL API_KEY CHAT_MODEL EMBEDDING_MODEL; prints one JSON line for each check.
"""

import io
import json
import sys

import openai
from openai import OpenAI

base_url, api_key, chat_model, embedding_model = sys.argv[1:5]
client = OpenAI(base_url=base_url, api_key=api_key, max_retries=0, _strict_response_validation=True)
checks = []


def check(function):
    checks.append(function)
    return function


@check
def chat():
    completion = client.chat.completions.create(
        model=chat_model, messages=[{"role": "user", "content": "say hello"}]
    )
    assert completion.choices[0].message.content
    assert completion.usage.total_tokens > 0
    assert completion._request_id


@check
def stream():
    chunks = list(
        client.chat.completions.create(
            model=chat_model,
            messages=[{"role": "user", "content": "say hello"}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens > 0


@check
def legacy_completion():
    assert client.completions.create(model=chat_model, prompt="hello").choices[0].text is not None


@check
def embeddings():
    floats = client.embeddings.create(model=embedding_model, input=["one", "二"], encoding_format="float")
    assert [each.index for each in floats.data] == [0, 1]
    # Without a format the package asks for base64, which its own strict mode refuses before decoding.
    relaxed = OpenAI(base_url=base_url, api_key=api_key, max_retries=0)
    decoded = relaxed.embeddings.create(model=embedding_model, input=["one", "二"])
    for left, right in zip(floats.data[1].embedding, decoded.data[1].embedding):
        assert abs(left - right) < 1e-5


@check
def models():
    assert chat_model in [model.id for model in client.models.list()]
    assert client.models.retrieve(chat_model).object == "model"


@check
def errors():
    try:
        client.chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": "x"}])
    except openai.NotFoundError as error:
        assert error.code == "model_not_found"
    else:
        raise AssertionError("an unknown model must be refused")
    try:
        OpenAI(base_url=base_url, api_key="sk-wrong", max_retries=0).models.list()
    except openai.AuthenticationError as error:
        assert error.code == "invalid_api_key"
    else:
        raise AssertionError("a wrong key must be refused")


@check
def files():
    body = "合同编号 contract 4711\n".encode() * 100
    file = client.files.create(file=("合同.txt", io.BytesIO(body)), purpose="assistants")
    assert client.files.content(file.id).read() == body
    assert file.id in [each.id for each in client.files.list(limit=100)]
    assert client.files.delete(file.id).deleted


@check
def vector_store():
    store = client.vector_stores.create(name="python", metadata={"origin": "python"})
    attached = client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id,
        file=("手册.txt", io.BytesIO("报销单据须在每月二十五日之前交到财务部。".encode())),
        poll_interval_ms=100,
    )
    assert attached.status == "completed", attached.last_error
    page = client.vector_stores.search(store.id, query="报销截止日期")
    assert page.data[0].file_id == attached.id and "二十五日" in page.data[0].content[0].text
    assert client.vector_stores.retrieve(store.id).file_counts.completed == 1
    text = client.vector_stores.files.content(attached.id, vector_store_id=store.id)
    assert "财务部" in "".join(part.text for part in text.data)
    client.vector_stores.files.delete(attached.id, vector_store_id=store.id)
    assert client.vector_stores.search(store.id, query="报销截止日期").data == []
    assert client.vector_stores.delete(store.id).deleted


failed = False
for function in checks:
    try:
        function()
        print(json.dumps({"check": function.__name__, "ok": True}))
    except Exception as error:
        failed = True
        print(json.dumps({"check": function.__name__, "ok": False, "error": repr(error)[:2000]}))
sys.exit(1 if failed else 0)
