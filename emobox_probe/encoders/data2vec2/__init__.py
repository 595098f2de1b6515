"""Models that the library lacks; importing this registers them with AutoConfig, AutoModel and their kin."""

from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoModelForAudioClassification

from emobox_probe.encoders.data2vec2.data2vec2 import Data2Vec2Config, Data2Vec2Model
from emobox_probe.encoders.data2vec2.data2vec2_classifier import Data2Vec2ForAudioClassification
from emobox_probe.encoders.data2vec2.data2vec2_input import Data2Vec2FeatureExtractor

__all__ = [
    "Data2Vec2Config",
    "Data2Vec2FeatureExtractor",
    "Data2Vec2ForAudioClassification",
    "Data2Vec2Model",
]

AutoConfig.register(Data2Vec2Config.model_type, Data2Vec2Config)
AutoFeatureExtractor.register(Data2Vec2Config, Data2Vec2FeatureExtractor)
AutoModel.register(Data2Vec2Config, Data2Vec2Model)
AutoModelForAudioClassification.register(Data2Vec2Config, Data2Vec2ForAudioClassification)
