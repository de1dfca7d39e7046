"""From a file to a loaded model with its two contexts. Runs in the child."""

from collections.abc import Callable

from pocket_agent.errors import ModelError
from pocket_agent.llm.binding import load_binding
from pocket_agent.llm.devices import (
    choose_threads,
    describe_device,
    handle,
    list_backends,
    list_devices,
)
from pocket_agent.llm.generation import Runtime
from pocket_agent.llm.native import NativeLog, NativeModel
from pocket_agent.llm.native_context import NativeContext
from pocket_agent.llm.offload import Placement, offloaders, retreats
from pocket_agent.llm.protocol import ContextName, LoadSpec, ModelInfo
from pocket_agent.llm.template_process import TemplateProcess

Contexts = dict[ContextName, NativeContext]


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
        self.devices, self.backends = list_devices(), list_backends()

    def load(
        self,
        spec: LoadSpec,
        placement: Placement,
        stopped: Callable[[], bool],
        progress: Callable[[float], None] | None = None,
    ) -> tuple[Runtime, ModelInfo]:
        """Load the model and make its contexts; with fewer layers on the GPU if it has no room.

        Raises:
            ModelError: a file can't be used, or memory is short.
        """
        model, contexts, kept = self._open(spec, placement, stopped, progress)
        control = tuple(model.control_texts())
        template = TemplateProcess(model.template, model.bos, model.eos, control)
        if spec.adapter and ContextName.POLICY in contexts:
            contexts[ContextName.POLICY].attach(spec.adapter)
        info = self._describe(model, template.is_own, contexts[ContextName.CHAT].size, spec, kept)
        return Runtime(model, template, contexts), info

    def _open(
        self,
        spec: LoadSpec,
        placement: Placement,
        stopped: Callable[[], bool],
        progress: Callable[[float], None] | None,
    ) -> tuple[NativeModel, Contexts, Placement]:
        """Load as planned; where that fails, with fewer layers offloaded, and then with none."""
        failure: ModelError | None = None
        for attempt in retreats(placement):
            try:
                model, contexts = self._try(spec, attempt, stopped, progress)
            except ModelError as error:
                failure = error
            else:
                return model, contexts, attempt
        assert failure is not None
        raise failure

    def _try(
        self,
        spec: LoadSpec,
        placement: Placement,
        stopped: Callable[[], bool],
        progress: Callable[[float], None] | None,
    ) -> tuple[NativeModel, Contexts]:
        self.log.offloaded = None
        model = NativeModel(
            self.lib,
            spec.model,
            placement.layers,
            self.log,
            progress,
            devices=[handle(name) for name in placement.devices],
            split=placement.split,
        )
        contexts: Contexts = {}
        try:
            self._fill(contexts, model, spec, stopped)
        except ModelError:
            for context in contexts.values():
                context.close()
            model.close()
            raise
        return model, contexts

    def _fill(
        self,
        contexts: Contexts,
        model: NativeModel,
        spec: LoadSpec,
        stopped: Callable[[], bool],
    ) -> None:
        threads = choose_threads(spec.threads)
        chat_tokens = min(spec.chat_tokens, model.trained_tokens or spec.chat_tokens)
        sizes = {ContextName.CHAT: chat_tokens, ContextName.POLICY: spec.policy_tokens}
        on_gpu = bool(self.log.offloaded and self.log.offloaded[0])
        for name, size in sizes.items():
            if size:
                pair = (threads.decode, threads.prefill)
                contexts[name] = NativeContext(model, size, pair, on_gpu, stopped)

    def _describe(
        self,
        model: NativeModel,
        has_template: bool,
        chat_tokens: int,
        spec: LoadSpec,
        placement: Placement,
    ) -> ModelInfo:
        offloaded, layers = self.log.offloaded or (0, model.layers)
        threads = choose_threads(spec.threads).decode
        gpus = placement.devices or [device.name for device in offloaders(self.devices)]
        return ModelInfo(
            name=model.meta("general.name") or model.path.stem,
            path=model.path,
            architecture=model.meta("general.architecture"),
            parameters=model.parameters,
            chat_tokens=chat_tokens,
            trained_tokens=model.trained_tokens,
            layers=layers,
            layers_offloaded=offloaded,
            device=describe_device(list(gpus), offloaded, layers, threads),
            has_template=has_template,
            threads=threads,
            placement=placement.line,
        )
