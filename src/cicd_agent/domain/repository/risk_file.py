"""The file in which a repository keeps what was learnt of its own risk: written by `calibrate`, reviewed like code."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

RISK_FILE = ".github/cicd-agent-risk.json"
MAX_BYTES = 100_000

_Share = Annotated[float, Field(ge=0, le=1)]
_Score = Annotated[int, Field(ge=1, le=100)]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


class Quality(_Wire):
    """How well a model orders and predicts the newest part of the labelled changes, which it was not fitted to.

    `auc` is None where one class is missing. `calibration_error` is the expected one over ten bins.
    """

    auc: _Share | None = None
    calibration_error: _Share | None = None


class RiskFile(_Wire):
    """What `calibrate` learnt. `weights` are by feature, of ln(1 + feature), with `intercept`; none: the shipped ones.

    `thresholds` are the scores (0–100) at which medium, high and critical begin. `slope` and `offset` turn the model's
    log-odds into a probability; they are there only with 200 labels that are 90 days old or older. `shares` are those
    of low, medium, high and critical among the last changes, before and after. `typical` is ln(1 + feature) as it is in
    the middle of the changes that were learnt from, for features that the diff alone does not give: it stands in where
    one is not known, and the score's 0 is the smallest change with a past like that.
    """

    version: Literal[1] = 1
    tool: Annotated[str, Field(max_length=100)] = ""
    commit: Annotated[str, Field(max_length=64)] = ""
    made: Annotated[str, Field(max_length=40)] = ""
    labels: Annotated[int, Field(ge=0)] = 0
    positives: Annotated[int, Field(ge=0)] = 0
    matured: Annotated[int, Field(ge=0)] = 0
    sources: dict[str, int] = Field(default_factory=dict, max_length=20)
    intercept: Annotated[float, Field(ge=-100, le=100)] | None = None
    weights: dict[str, Annotated[float, Field(ge=-100, le=100)]] = Field(default_factory=dict, max_length=20)
    typical: dict[str, Annotated[float, Field(ge=0, le=100)]] = Field(default_factory=dict, max_length=20)
    thresholds: tuple[_Score, _Score, _Score] | None = None
    slope: Annotated[float, Field(gt=0, le=100)] | None = None
    offset: Annotated[float, Field(ge=-100, le=100)] | None = None
    before: Quality = Quality()
    after: Quality = Quality()
    shares_before: tuple[_Share, _Share, _Share, _Share] | None = None
    shares_after: tuple[_Share, _Share, _Share, _Share] | None = None
