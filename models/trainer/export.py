"""Turns a trained model and its tokenizer into a GGUF file, and back."""
import torch

from . import gguf
from .model import CONTEXT, EPSILON, ROPE_BASE, Model, Shape
from .tokenizer import BEGIN, END, UNKNOWN, Tokenizer, RESERVED


def metadata(shape, tokenizer, quantisation):
    """Key-value pairs that llama.cpp and Ollama need for a llama model."""
    size = shape.width // shape.heads
    return [
        ("general.architecture", gguf.STRING, "llama"),
        ("general.name", gguf.STRING, "wattsweep-icd10-" + shape.name),
        ("general.license", gguf.STRING, "apache-2.0"),
        ("general.description", gguf.STRING, "Exercises the measurement. Trained on synthetic notes. Never for clinical use."),
        ("general.languages", gguf.STRING, ["sv", "en"]),
        ("general.file_type", gguf.U32, gguf.FILE_TYPES[quantisation]),
        ("general.alignment", gguf.U32, gguf.ALIGNMENT),
        ("general.quantization_version", gguf.U32, 2),
        ("llama.vocab_size", gguf.U32, len(tokenizer)),
        ("llama.context_length", gguf.U32, CONTEXT),
        ("llama.embedding_length", gguf.U32, shape.width),
        ("llama.block_count", gguf.U32, shape.layers),
        ("llama.feed_forward_length", gguf.U32, shape.hidden),
        ("llama.attention.head_count", gguf.U32, shape.heads),
        ("llama.attention.head_count_kv", gguf.U32, shape.heads),
        ("llama.attention.layer_norm_rms_epsilon", gguf.F32, EPSILON),
        ("llama.rope.dimension_count", gguf.U32, size),
        ("llama.rope.freq_base", gguf.F32, ROPE_BASE),
        ("tokenizer.ggml.model", gguf.STRING, "llama"),
        ("tokenizer.ggml.pre", gguf.STRING, "default"),
        ("tokenizer.ggml.tokens", gguf.STRING, list(tokenizer.tokens)),
        ("tokenizer.ggml.scores", gguf.F32, tokenizer.scores()),
        ("tokenizer.ggml.token_type", gguf.I32, tokenizer.types()),
        ("tokenizer.ggml.bos_token_id", gguf.U32, BEGIN),
        ("tokenizer.ggml.eos_token_id", gguf.U32, END),
        ("tokenizer.ggml.unknown_token_id", gguf.U32, UNKNOWN),
        ("tokenizer.ggml.add_bos_token", gguf.BOOL, True),
        ("tokenizer.ggml.add_eos_token", gguf.BOOL, False),
        ("tokenizer.ggml.add_space_prefix", gguf.BOOL, False),
    ]


def save(path, model, tokenizer, quantisation):
    """Writes the model; matrices in the given quantisation, norms in f32."""
    tensors = [(name, weight.detach().numpy()) for name, weight in model.named_parameters()]
    gguf.write(path, metadata(model.shape, tokenizer, quantisation), tensors, quantisation)


def load(path):
    """Reads such a file back: (model, tokenizer)."""
    pairs, tensors = gguf.read(path)
    shape = Shape(
        pairs["general.name"].rsplit("-", 1)[1],
        pairs["llama.embedding_length"],
        pairs["llama.block_count"],
        pairs["llama.attention.head_count"],
        pairs["llama.feed_forward_length"],
    )
    tokenizer = Tokenizer(pairs["tokenizer.ggml.tokens"][RESERVED:])
    model = Model(shape, len(tokenizer))
    model.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in tensors.items()})
    return model.eval(), tokenizer
