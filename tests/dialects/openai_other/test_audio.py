"""Speech to text and text to speech, whole and streamed."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai.types.audio import Transcription as OpenAITranscription
from openai.types.audio import TranscriptionVerbose

from router_core.answering.other_answers import Speech as Spoken
from router_core.dialects.openai.speech import Speech
from router_core.dialects.openai.transcription import Transcription
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, Reply, UpstreamFailure
from tests.dialects.streamed import events, streamed

FILE = ("a.mp3", b"ID3\x00\xff", "audio/mpeg")
PIECE = bytes(range(256))  # nothing is text


def transcribed(content: bytes, kind: str = "application/json", **body: Any) -> Any:
    reply = Reply(httpx.Headers({"content-type": kind}), content)
    return Transcription().decode(Call("transcription", {"file": FILE, **body}), "m", reply)


def spoken(**body: Any) -> Call:
    return Call("speech", {"input": "hello", "voice": "ash", **body}, stream=True)


def test_a_transcription_is_a_form() -> None:
    body = {
        "file": FILE,
        "timestamp_granularities": ["word", "segment"],
        "chunking_strategy": {"type": "server_vad", "threshold": 0.5},
        "temperature": 0,
        "language": None,
    }
    wire = Transcription().encode(Call("transcription", body, stream=True), "whisper-1")
    assert wire.path == "/audio/transcriptions"
    assert [(name, value[1]) for name, value in wire.files] == [
        ("timestamp_granularities[]", b"word"),
        ("timestamp_granularities[]", b"segment"),
        ("chunking_strategy[type]", b"server_vad"),
        ("chunking_strategy[threshold]", b"0.5"),
        ("temperature", b"0"),
        ("model", b"whisper-1"),
        ("stream", b"true"),
        ("file", FILE[1]),
    ]


def test_a_form_stays_one_without_a_file() -> None:
    wire = Transcription().encode(Call("transcription", {"url": "https://example.com/a.mp3"}), "m")
    assert wire.files == (("url", (None, b"https://example.com/a.mp3")), ("model", (None, b"m")))


def test_a_transcription_is_openais() -> None:
    usage = {"type": "tokens", "input_tokens": 9, "output_tokens": 3, "total_tokens": 12}
    answer = transcribed(json.dumps({"text": "Grüß Gott", "usage": usage}).encode())
    OpenAITranscription.model_validate(answer.model_dump())
    assert (answer.text, answer.usage.total_tokens, answer.duration) == ("Grüß Gott", 12, None)


def test_a_verbose_one_has_its_words() -> None:
    body = {"text": "hi", "duration": 1.5, "language": "english", "words": [{"word": "hi", "start": 0.0, "end": 1.0}]}
    answer = transcribed(json.dumps(body).encode(), response_format="verbose_json")
    TranscriptionVerbose.model_validate(answer.model_dump())
    assert answer.words[0].word == "hi"


@pytest.mark.parametrize("kind", ["text", "srt", "vtt"])
def test_a_text_is_the_text(kind: str) -> None:
    assert transcribed("Grüß Gott\n".encode(), "text/plain; charset=utf-8", response_format=kind).text == "Grüß Gott\n"


def test_an_error_instead_of_a_text_is_one() -> None:
    with pytest.raises(UpstreamFailure):
        transcribed(b'{"error": {"message": "sorry"}}', response_format="text")
    with pytest.raises(TypeError):
        transcribed(b'{"text": null}')


@pytest.mark.parametrize("size", [1, 10_000])
def test_a_transcription_is_streamed_as_it_is_heard(size: int) -> None:
    heard = [{"type": "transcript.text.delta", "delta": "Grüß "}, {"type": "transcript.text.delta", "delta": "Gott"}]
    done = {"type": "transcript.text.done", "text": "Grüß Gott", "usage": {"input_tokens": 9, "output_tokens": 3}}
    call = Call("transcription", {"file": FILE}, stream=True)
    got = streamed(Transcription(), call, events(*heard, done), size)
    assert ["".join(event["delta"] for event in got[:-1]), got[-1]["text"], got[-1].usage.output_tokens] == [
        "Grüß Gott",
        "Grüß Gott",
        3,
    ]
    with pytest.raises(CutStream):
        streamed(Transcription(), call, events(*heard, done=False))
    (whole,) = Transcription().whole(call, "m", Reply(httpx.Headers(), b'{"text": "hi"}'))
    assert (whole["type"], whole["text"]) == ("transcript.text.done", "hi")


def test_speech_is_bytes(tmp_path: Path) -> None:
    wire = Speech().encode(spoken(instructions=None), "tts-1")
    assert (wire.path, wire.body) == ("/audio/speech", {"input": "hello", "voice": "ash", "model": "tts-1"})
    answer = Speech().decode(spoken(), "m", Reply(httpx.Headers({"content-type": "audio/mpeg"}), PIECE))
    assert isinstance(answer, Spoken)
    assert (answer.read(), answer.content_type, b"".join(answer.iter_bytes(100))) == (PIECE, "audio/mpeg", PIECE)
    answer.write_to_file(tmp_path / "a.mp3")
    assert (tmp_path / "a.mp3").read_bytes() == PIECE


@pytest.mark.parametrize("body", [b"", b'{"detail": "busy"}'])
def test_what_is_no_audio_is_no_answer(body: bytes) -> None:
    reply = Reply(httpx.Headers({"content-type": "application/json"}), body)
    with pytest.raises(ValueError):
        Speech().decode(spoken(), "m", reply)
    with pytest.raises(ValueError):
        list(Speech().whole(spoken(), "m", reply))


@pytest.mark.parametrize("size", [1, 100])
def test_audio_is_streamed_as_it_arrives(size: int) -> None:
    got = streamed(Speech(), spoken(), PIECE, size)
    assert len(got) == -(-256 // size)
    assert b"".join(piece.data for piece in got) == PIECE


@pytest.mark.parametrize("size", [1, 10_000])
def test_audio_in_events_is_decoded(size: int) -> None:
    sent = [{"type": "speech.audio.delta", "audio": base64.b64encode(part).decode()} for part in (PIECE, b"more")]
    done = {"type": "speech.audio.done", "usage": {"input_tokens": 2, "output_tokens": 40, "total_tokens": 42}}
    got = streamed(Speech(), spoken(stream_format="sse"), events(*sent, done), size)
    assert b"".join(piece.data for piece in got) == PIECE + b"more"
    assert got[-1]["usage"]["total_tokens"] == 42
    with pytest.raises(CutStream):
        streamed(Speech(), spoken(stream_format="sse"), events(*sent))
    with pytest.raises(UpstreamFailure):
        streamed(Speech(), spoken(stream_format="sse"), events({"type": "error", "message": "sorry"}))
