"""The classifier in a folder, whatever kind of folder it is: of a run, a fit, or an export."""

from dataclasses import dataclass

from emobox_probe.config import PredictConfig
from emobox_probe.encoders.model_encoder import ModelEncoder
from emobox_probe.experiment import accelerator_on, prepare_device
from emobox_probe.use.predictor import EncoderAndHeads, Predictor
from emobox_probe.use.usable import encoder_for, read_usable


@dataclass(frozen=True)
class LoadedPredictor:
    """A classifier that is ready, what it is called, and what score is to be expected of it."""

    predictor: Predictor
    title: str
    expected: str


def load_predictor(config: PredictConfig) -> LoadedPredictor:
    """The classifier of the settings, on the device of the settings.

    Raises:
        ProbeError: the folder has none, its encoder is not to be had or is another.
    """
    accelerator = accelerator_on(config.device)
    prepare_device(accelerator)
    usable = read_usable(config.classifier).only(config.fold, config.seed)
    encoder = encoder_for(usable, accelerator.device, config.model, config.trust_remote_code)
    if config.batch_seconds is not None and isinstance(encoder, ModelEncoder):
        encoder.budget.seconds = config.batch_seconds
    predictor = EncoderAndHeads(encoder, usable.heads, usable.labels, usable.store_dtype)
    return LoadedPredictor(predictor, usable.title, usable.expected.text)
