"""From a file to a loaded model with its two contexts. Runs in the child."""

from collections.abc import Callable
from pathlib import Path

from pocket_agent.errors import ModelError
from pocket_agent.llm.binding import load_binding
from pocket_agent.llm.devices import choose_threads, describe_device, gpu_names
from pocket_agent.llm.generation import Runtime
from pocket_agent.llm.native import NativeLog, NativeModel
from pocket_agent.llm.native_context import NativeContext
from pocket_agent.llm.protocol import ContextName, LoadSpec, ModelInfo
from pocket_agent.llm.template import ChatTemplate


class Backend:
    """llama.cpp, ready to load.

    Args:
        echo: pass llama.cpp's log on to stderr.

    Raises:
        ModelError: the binding is missing or of another version.
    """

    def __init__(self, echo: bool = False) -> None:
        self.lib = load_binding()
        self.log = NativeLog(self.lib, echo)
        self.lib.llama_backend_init()
        self.gpus = gpu_names() if self.lib.llama_supports_gpu_offload() else []

    def load(
        self,
        spec: LoadSpec,
        stopped: Callable[[], bool],
        progress: Callable[[float], None] | None = None,
    ) -> tuple[Runtime, ModelInfo]:
        """Load the model and make its contexts.

        Raises:
            ModelError: a file can't be used, or memory is short.
        """
        model = self._open(spec.model, spec.gpu_layers, progress)
        control = tuple(model.control_texts())
        template = ChatTemplate(model.template, model.bos, model.eos, control)
        threads = choose_threads(spec.threads)
        chat_tokens = min(spec.chat_tokens, model.trained_tokens or spec.chat_tokens)
        sizes = {ContextName.CHAT: chat_tokens, ContextName.POLICY: spec.policy_tokens}
        pair = (threads.decode, threads.prefill)
        on_gpu = bool(self.log.offloaded and self.log.offloaded[0])
        contexts = {
            name: NativeContext(model, size, pair, on_gpu, stopped)
            for name, size in sizes.items()
            if size
        }
        if spec.adapter and ContextName.POLICY in contexts:
            contexts[ContextName.POLICY].attach(spec.adapter)
        info = self._describe(model, template.is_own, contexts[ContextName.CHAT].size, pair[0])
        return Runtime(model, template, contexts), info

    def _open(
        self, path: Path, gpu_layers: int, progress: Callable[[float], None] | None
    ) -> NativeModel:
        """Load, and load again without the GPU if it has no room."""
        try:
            return NativeModel(self.lib, path, gpu_layers, self.log, progress)
        except ModelError:
            if not self.gpus or gpu_layers == 0:
                raise
            self.log.offloaded = None
            return NativeModel(self.lib, path, 0, self.log, progress)

    def _describe(
        self, model: NativeModel, has_template: bool, chat_tokens: int, threads: int
    ) -> ModelInfo:
        offloaded, layers = self.log.offloaded or (0, model.layers)
        return ModelInfo(
            name=model.meta("general.name") or model.path.stem,
            path=model.path,
            architecture=model.meta("general.architecture"),
            parameters=model.parameters,
            chat_tokens=chat_tokens,
            trained_tokens=model.trained_tokens,
            layers=layers,
            layers_offloaded=offloaded,
            device=describe_device(self.gpus, offloaded, layers, threads),
            has_template=has_template,
            threads=threads,
        )
