"""The one place that imports llama_cpp, and checks that it is the binding we were written for."""

import importlib
from typing import Any

from pocket_agent.errors import ModelError

WANTED = "0.3.36"

_FUNCTIONS = """
llama_backend_init llama_log_set llama_model_default_params llama_model_load_from_file
llama_model_free llama_model_get_vocab llama_model_n_params llama_model_n_layer llama_model_n_head
llama_model_n_ctx_train llama_model_meta_val_str llama_model_chat_template
llama_model_has_decoder llama_context_default_params llama_init_from_model llama_free
llama_n_ctx llama_get_memory llama_memory_clear llama_memory_seq_rm llama_memory_seq_pos_max
llama_set_abort_callback llama_batch_get_one llama_decode llama_get_logits_ith
llama_vocab_n_tokens llama_vocab_is_eog llama_vocab_is_control llama_vocab_get_text
llama_vocab_bos llama_vocab_eos llama_vocab_get_add_bos llama_tokenize llama_token_to_piece
llama_sampler_chain_init llama_sampler_chain_add llama_sampler_chain_default_params
llama_sampler_init_greedy llama_sampler_init_dist llama_sampler_init_top_k
llama_sampler_init_top_p llama_sampler_init_min_p llama_sampler_init_temp
llama_sampler_init_penalties llama_sampler_init_dry llama_sampler_init_grammar
llama_sampler_sample llama_sampler_apply llama_sampler_accept llama_sampler_clone
llama_sampler_free llama_supports_gpu_offload
llama_print_system_info llama_max_devices
llama_adapter_lora_init llama_set_adapters_lora llama_model_quantize
llama_model_quantize_default_params
""".split()


def load_binding() -> Any:
    """The module `llama_cpp`, checked.

    Raises:
        ModelError: it isn't installed, can't be loaded, or lacks a function we use.
    """
    todo = f"Run: pip install llama-cpp-python=={WANTED}"
    try:
        module = importlib.import_module("llama_cpp")
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelError(f"llama-cpp-python can't be loaded ({_line(error)})", todo) from error
    missing = [name for name in _FUNCTIONS if not hasattr(module, name)]
    if missing:
        version = getattr(module, "__version__", "of unknown version")
        raise ModelError(f"llama-cpp-python {version} lacks {missing[0]}", todo)
    return module


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
