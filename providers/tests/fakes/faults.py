"""The table of faults: what can go wrong at a service, and what must become of it.

    for fault in FAULTS:
        if fake.supports(fault): fake.arm(fault)

A fault names its script (see `base.py` and `wire.py`), the phase in which it strikes, and the
kinds of error that are a right reading of it. Whatever the kind, a call that was charged never
ends as free, and no call is sent again by itself once it may have been charged.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from providers.types import Recovery

Phase = Literal["before_charge", "after_charge", "answer"]
FINE = ""  # among the kinds: a picture after all
DOUBT = ("OutcomeUnknown",)
CRASH = ("OutcomeUnknown", "ProviderError")
BAD = ("InvalidResponse",)
UNREADABLE = ("InvalidResponse", "OutcomeUnknown", "ProviderError")
RETRY = ("RateLimited", "ProviderUnavailable")
LOST = ("JobLost", "OutcomeUnknown", "InvalidResponse")
REFUSED = ("ContentRejected",)
DENIED = (
    "InvalidRequest", "AuthFailed", "AccessDenied", "ModelUnavailable", "QuotaExhausted",
    "ConfigurationError", "ContentRejected",
)  # fmt: skip


RARE = ("animated", "sixteen_bit", "cmyk")
VARIANTS = {
    "status_405", "status_413", "status_415", "status_425", "status_451", "status_501",
    "status_520", "status_529", "redirect_307_internal", "redirect_loop", "redirect_file",
    "head_cut_at_9", "head_cut_at_13", "head_cut_at_17", "head_cut_at_40", "body_cut_early",
    "body_cut_late", "json_list", "json_text", "json_number", "json_cut", "json_error_text",
    "picture_page", "picture_svg", "picture_pdf", "look_status_502", "look_status_503",
    "look_closed", "look_always_status_403", "look_always_status_422", "download_status_503",
    "download_closed", "download_status_410", "slow_down_garbage", "status_409", "status_410",
    "status_422", "status_500", "status_504", "status_524", "slow_down_negative",
    "closed_without_answer", "head_cut_at_1", "body_cut_before_last_byte", "chunks_of_junk",
    "length_of_junk", "gzip_cut", "no_content", "json_null", "picture_gif", "picture_black",
    "base64_empty", "look_status_500", "look_html", "look_empty_body", "look_gzip_bomb",
    "look_always_status_410", "download_status_500", "download_status_404",
    "download_length_too_short", "download_deflate_junk", "download_redirect_other_host",
    "download_always_body_cut", "node_errors_200", "job_cancelled", "file_url", "password_url",
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One way for a call to go wrong.

    `before_charge` strikes while nothing has been drawn, `after_charge` keeps the answer of a
    charged call from us, `answer` lets it arrive, but not as it should be. `on` is the kind
    of request that is struck. `lasting` ones end by a deadline and make a test slow, a
    `variant` is much like its neighbours in the table.
    """

    name: str
    script: tuple[str, ...]
    phase: Phase
    kinds: frozenset[str]
    on: str = "call"
    needs: frozenset[str] = frozenset()
    lasting: bool = False
    variant: bool = False

    @property
    def charges(self) -> bool:
        """Whether the call that it strikes was charged."""
        return self.phase != "before_charge"

    def expected(self, recovery: Recovery) -> frozenset[str]:
        """The right kinds of error where that much is known after a cut connection.

        Where the call can be found, a doubt may be cleared up: the picture comes after all, or
        is known to be lost.
        """
        findable = recovery in (Recovery.OWN_KEY, Recovery.LOOKUP)
        findable = findable or (recovery is Recovery.HANDLE and self.on != "call")
        doubtful = self.kinds & {"OutcomeUnknown", "JobLost"}
        return self.kinds | {FINE, "JobLost"} if findable and doubtful else self.kinds

    def __str__(self) -> str:
        return self.name


def _free(name: str, script: str, *kinds: str, then: str | None = "", **more: object) -> Fault:
    return _fault(name, script, "before_charge", kinds, then, **more)


def _unheard(name: str, script: str, kinds: Iterable[str] = DOUBT, **more: object) -> Fault:
    return _fault(name, script, "after_charge", kinds, **more)


def _heard(name: str, script: str, kinds: Iterable[str], **more: object) -> Fault:
    return _fault(name, script, "answer", kinds, **more)


def _fault(
    name: str,
    script: str,
    phase: Phase,
    kinds: Iterable[str],
    then: str | None = "",
    **more: object,
) -> Fault:
    """A fault that strikes once (`then` is what follows), or for ever with `then=None`."""
    steps = (script,) if then is None else (script, then)
    needs = frozenset(str(more.pop("needs", "")).split())
    variant = name in VARIANTS
    return Fault(name, steps, phase, frozenset(kinds), needs=needs, variant=variant, **more)  # type: ignore[arg-type]


# --- The call: nothing was drawn --------------------------------------------------------

BEFORE = (
    _free("refused", "refused", *RETRY),
    # Free in truth, but nobody can know that.
    _free("reset_before_reading", "reset_unread", *DOUBT),
    _free("closed_before_reading", "close_unread", *DOUBT),
    *(
        _free(f"slow_down_{kind or 'bare'}", f"status:429{told}", *RETRY)
        for kind, told in {
            "": "",
            "seconds": ":retry-after=seconds",
            "date": ":retry-after=date",
            "absurd": ":retry-after=absurd",
            "negative": ":retry-after=negative",
            "garbage": ":retry-after=garbage",
        }.items()
    ),
    *(
        _free(f"status_{status}", f"status:{status}", *DENIED)
        for status in (400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 425, 451)
    ),
    _free("status_401_html", "status:401:html", *DENIED),
    _free("redirect_internal", "redirect:302:internal", "ConfigurationError"),
    _free("redirect_307_internal", "redirect:307:internal", "ConfigurationError"),
    _free("redirect_other_host", "redirect:308:other", "ConfigurationError"),
    _free("redirect_loop", "redirect:303:self", "ConfigurationError"),
    _free("redirect_file", "redirect:301:file", "ConfigurationError"),
)

# --- The call: charged, and no whole answer ---------------------------------------------

UNHEARD = (
    _unheard("silence", "timeout", lasting=True),
    _unheard("reset_without_answer", "reset"),
    _unheard("closed_without_answer", "close"),
    *(_unheard(f"head_cut_at_{place}", f"cut_head:{place}") for place in (1, 9, 13, 17, 40, -1)),
    _unheard("head_stalls", "stall_at:20", lasting=True),
    _unheard("head_drips", "drip", lasting=True),
    _unheard("continue_flood", "continue_flood", lasting=True),
    _unheard("hints_flood", "hints_flood", lasting=True),
    _unheard("header_flood", "header_flood", UNREADABLE, lasting=True),
    _unheard("body_missing", "cut_at:head"),
    _unheard("body_cut_early", "cut_at:2%"),
    _unheard("body_cut_in_the_middle", "cut_at:50%"),
    _unheard("body_cut_late", "cut_at:99%"),
    _unheard("body_cut_before_last_byte", "cut_at:-1"),
    _unheard("body_reset_in_the_middle", "reset_at:50%"),
    _unheard("body_stalls", "stall_at:50%", lasting=True),
    _unheard("body_drips", "drip_body", lasting=True),
    _unheard("length_too_long", "length_long"),
    _unheard("chunks_without_end", "chunk_cut"),
    _unheard("chunks_of_junk", "chunk_junk"),
    _unheard("status_408", "status:408"),
    _unheard("status_409", "status:409", (*DOUBT, "InvalidRequest")),
    *(
        _unheard(f"status_{status}", f"status:{status}{page}", CRASH)
        for status, page in {
            500: "",
            501: "",
            502: ":html",
            503: "",
            504: ":html",
            520: ":html",
            524: ":html",
            529: "",
        }.items()
    ),  # fmt: skip
    _unheard("status_503_retry_after", "status:503:retry-after=seconds", CRASH),
    _unheard("not_http", "not_http", UNREADABLE),
    _unheard("long_header", "long_header", UNREADABLE),
    _unheard("many_headers", "many_headers", UNREADABLE),
)

# --- The call: charged, with a wrong answer ---------------------------------------------

HEARD = (
    _heard("early_hints", "early_hints", [FINE]),
    _heard("slow_answer", "delay:0.1", [FINE]),
    _heard("gzip", "gzip_ok", [FINE]),
    _heard("gzip_cut", "gzip_cut", UNREADABLE),
    _heard("gzip_bomb", "gzip_bomb", UNREADABLE),
    _heard("deflate_junk", "deflate_junk", UNREADABLE),
    _heard("endless_body", "huge_body", UNREADABLE),
    _heard("ten_gigabytes", "huge_length", UNREADABLE),
    _heard("length_too_short", "length_short", UNREADABLE),
    _heard("length_of_junk", "length_junk", (*UNREADABLE, FINE)),
    _heard("html", "html_200", UNREADABLE),
    _heard("empty_body", "empty_200", UNREADABLE),
    _heard("no_content", "no_content", UNREADABLE),
    _heard("deep_json", "deep_json", UNREADABLE, needs="json"),
    *(
        _heard(f"json_{name}", f"json_200:{text}", UNREADABLE, needs="json")
        for name, text in {
            "object": "{}",
            "list": "[]",
            "null": "null",
            "text": '"ok"',
            "number": "7",
            "cut": '{"id": "a", "da',
            "error": '{"error": {"message": "An internal error occurred."}}',
            "error_text": '{"error": "An internal error occurred."}',
        }.items()
    ),
    *(
        _heard(f"picture_{name}", name, BAD, needs="pictures")
        for name in ("text", "page", "svg", "pdf", "one_pixel", "bomb_picture", "cut_picture")
    ),
    _heard("picture_empty", "empty_picture", UNREADABLE, needs="pictures"),
    _heard("picture_huge", "huge_picture", UNREADABLE, needs="pictures"),
    _heard("picture_gif", "gif", (*BAD, FINE), needs="pictures"),
    _heard("picture_black", "black", (*BAD, *REFUSED, FINE), needs="pictures"),
    _heard("picture_other_size", "wrong_size", [FINE], needs="pictures"),
    _heard("picture_other_format", "other_format", [FINE], needs="pictures"),
    *(_heard(f"picture_{name}", name, [FINE], needs="pictures") for name in RARE),
    _heard("base64_cut", "truncated_base64", BAD, needs="base64"),
    _heard("base64_invalid", "invalid_base64", BAD, needs="base64"),
    _heard("base64_empty", "empty_base64", UNREADABLE, needs="base64"),
    _heard("no_images", "no_images", (*BAD, *CRASH, *REFUSED), needs="many"),
    _heard("more_images", "more_images", [FINE], needs="many"),
)

# --- Looks at a queued job --------------------------------------------------------------

LOOKS = (
    *(
        _unheard(f"look_{name}", script, (*UNREADABLE, FINE), on="poll")
        for name, script in {
            "status_429": "status:429:retry-after=0",
            "status_500": "status:500",
            "status_502": "status:502:html",
            "status_503": "status:503:retry-after=0",
            "reset": "reset",
            "closed": "close",
            "head_cut": "cut_head:12",
            "body_cut": "cut_at:50%",
            "html": "html_200",
            "empty_body": "empty_200",
            "gzip_bomb": "gzip_bomb",
            "endless_body": "huge_body",
            "slow": "delay:0.1",
        }.items()
    ),
    *(
        _unheard(f"look_always_{name}", script, (*LOST, *CRASH), on="poll", then=None)
        for name, script in {
            "status_404": "status:404",
            "status_410": "status:410",
        }.items()
    ),
    *(
        _unheard(f"look_always_{name}", script, UNREADABLE, on="poll", then=None, lasting=True)
        for name, script in {
            "status_500": "status:500",
            "status_429": "status:429:retry-after=0",
            "reset": "reset",
        }.items()
    ),
    *(
        _unheard(
            f"look_always_{name}",
            script,
            (*LOST, *CRASH, *DENIED),
            on="poll",
            then=None,
            lasting=True,
        )
        for name, script in {
            "status_400": "status:400",
            "status_401": "status:401",
            "status_402": "status:402",
            "status_403": "status:403",
            "status_422": "status:422",
            "redirect_internal": "redirect:302:internal",
        }.items()
    ),
    _unheard("look_silence", "timeout", (*UNREADABLE, FINE), on="poll", lasting=True),
    _unheard("look_drips", "drip", (*UNREADABLE, FINE), on="poll", lasting=True),
)

# --- Downloads of the result ------------------------------------------------------------

DOWNLOADS = (
    *(
        _unheard(f"download_{name}", script, (*UNREADABLE, FINE), on="download")
        for name, script in {
            "status_429": "status:429:retry-after=0",
            "status_500": "status:500",
            "status_503": "status:503",
            "reset": "reset",
            "closed": "close",
            "head_cut": "cut_head:12",
            "body_cut": "cut_at:50%",
            "length_too_long": "length_long",
            "slow": "delay:0.1",
        }.items()
    ),
    *(
        _heard(f"download_{name}", script, LOST, on="download", then=None)
        for name, script in {
            "status_403": "status:403",
            "status_404": "status:404",
            "status_410": "status:410",
            "redirect_internal": "redirect:302:internal",
            "redirect_other_host": "redirect:302:other",
            "always_status_500": "status:500",
            "always_body_cut": "cut_at:50%",
            "html": "html_200",
            "empty_body": "empty_200",
            "length_too_short": "length_short",
            "deflate_junk": "deflate_junk",
            "gzip_bomb": "gzip_bomb",
            "endless_body": "huge_body",
        }.items()
    ),
    _unheard("download_silence", "timeout", LOST, on="download", then=None, lasting=True),
    _unheard("download_drips", "drip", LOST, on="download", then=None, lasting=True),
)

# --- The protocol's own: a fake that has them lists them in `protocol_faults` -----------

PROTOCOL: dict[str, str] = {
    "refused_input": "refuse the prompt for its content before drawing, by the service's code",
    "moderation_200": "draw, charge, and refuse the outcome in an answer that says 200",
    "black_flagged": "draw a black picture, charge, and set the service's own flag",
    "quota": "say by the service's own code that there is no credit; draw nothing",
    "rate_limit": "say by the service's own code that it is too fast; draw nothing",
    "model_gone": "say by the service's own code that the model is not there; draw nothing",
    "bad_parameter": "name a parameter that is not taken, in the service's format",
    "out_of_memory": "fail for want of memory, in the service's words; charge nothing",
    "error_200": "charge, and put the service's own error format into a 200",
    "null_data": "charge, and answer with null where the pictures belong",
    "text_instead": "charge, and answer with words in place of a picture",
    "other_model": "draw with another model than was asked for, and say so as the service does",
    "half_denoised": "charge, and hand out an unfinished picture as after an interrupt",
    "job_failed": "take the job, and say on a later look that it failed; charge nothing",
    "job_cancelled": "take the job, and say on a later look that it was stopped",
    "lost_queue": "take the job, forget it before drawing, as a restart does; charge nothing",
    "lost_result": "take the job, draw, charge, and forget it, as a restart does",
    "slow_job": "let a job wait for two looks and run for two more",
    "cached_run": "end at once as a success without outputs; charge nothing",
    "deleted_file": "draw, charge, name a file, and no longer have it",
    "node_errors": "refuse the graph with errors of single nodes; draw nothing",
    "node_errors_200": "take the graph with 200, drop the output for errors; charge nothing",
    "expired_url": "draw, charge, and give a result address that has expired",
    "private_url": "draw, charge, and give a result address at 169.254.169.254",
    "file_url": "draw, charge, and give the address file:///etc/passwd",
    "password_url": "draw, charge, and give a result address with a name and password in it",
    "foreign_http_url": "draw, charge, and give a plain http address of another host",
}

OWN = (
    _free("refused_input", "refused_input", *REFUSED),
    _free("quota", "quota", "QuotaExhausted"),
    _free("rate_limit", "rate_limit", *RETRY),
    _free("model_gone", "model_gone", "ModelUnavailable", "InvalidRequest"),
    _free("bad_parameter", "bad_parameter", "InvalidRequest"),
    _free("node_errors", "node_errors", "InvalidRequest", "ModelUnavailable"),
    _free("node_errors_200", "node_errors_200", "InvalidRequest", *UNREADABLE),
    _free("out_of_memory", "out_of_memory", "OutOfMemory"),
    _free("job_failed", "job_failed", *CRASH),
    _free("job_cancelled", "job_cancelled", "Cancelled", *CRASH),
    _free("lost_queue", "lost_queue", "JobLost", *CRASH, FINE),
    _free("cached_run", "cached_run", "JobLost", *UNREADABLE, FINE),
    _heard("moderation_200", "moderation_200", REFUSED),
    _heard("black_flagged", "black_flagged", (*REFUSED, *BAD)),
    _heard("text_instead", "text_instead", (*REFUSED, *BAD)),
    _heard("error_200", "error_200", UNREADABLE),
    _heard("null_data", "null_data", UNREADABLE),
    _heard("other_model", "other_model", [FINE]),
    _heard("half_denoised", "half_denoised", ("Cancelled", *UNREADABLE)),
    _heard("slow_job", "slow_job", [FINE]),
    _heard("lost_result", "lost_result", LOST),
    _heard("deleted_file", "deleted_file", LOST),
    _heard("expired_url", "expired_url", LOST),
    _heard("private_url", "private_url", LOST),
    _heard("file_url", "file_url", LOST),
    _heard("password_url", "password_url", LOST),
    _heard("foreign_http_url", "foreign_http_url", LOST),
)

FAULTS: tuple[Fault, ...] = (*BEFORE, *UNHEARD, *HEARD, *LOOKS, *DOWNLOADS, *OWN)
