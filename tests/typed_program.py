"""A program that uses the whole public API, never run: mypy checks that its types are those that they seem to be."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np

import netspec as ns

net: ns.Network = ns.load(Path("x.net"), let={"width": 3}, set={"train.epochs": 1})
graph: ns.Graph = net.graph()
print(graph.parameter_count, graph.flops, [c.name for c in graph.costs(net)])
for event in ns.train(
    net, (np.zeros((3, 4)), [0, 1, 2], np.zeros((3, 4)), [0, 1, 2]), epochs=1, lr=0.1, out="runs/x", stop=lambda: False
):
    match event:
        case ns.Started():
            print(event.parameters, event.folder)
        case ns.Step():
            print(event.loss)
        case ns.Evaluated():
            print(event.split)
        case ns.Epoch():
            print(event.test_accuracy)
        case ns.Saved():
            print(event.path)
        case ns.Rewound() | ns.Notice() | ns.Stopped():
            print(event)
        case ns.Finished():
            result: ns.Result = event.result
run: ns.Run = ns.open("runs/x")
p: list[ns.Prediction] = run.predict(np.zeros((1, 4)))
ev: ns.Evaluation = run.evaluate("digits")
print(ev.accuracy, run.metrics, run.labels, run.training, run.read("a.png"))
text: str = run.generate("ROMEO:", 50, temperature=0.5, top_k=5, top_p=0.9, seed=1, stop="\n")
for piece in run.stream(text, top_k=None):
    print(piece.upper())
model: ns.Model = ns.compile("input 4; fc 2", "cpu", precision="bfloat16")
v: ns.Variables = model.init(3)
out = model.apply(v, np.zeros((1, 4)))
out2, state = model.apply(v, np.zeros((1, 4)), True, jax.random.key(0))
v = v.replace(state=state)
loss, grads = model.backward(v, np.zeros((1, 4)), [1], train=True)
print(loss.item(), out.shape, out2.shape, grads["fc_1"]["kernel"].shape)
replay: ns.Replay = ns.replay("runs/x")
try:
    ns.parse("x")
except ns.SpecError as error:
    d: ns.Diagnostic = error.diagnostics[0]
    print(d.code, d.span)
except ns.NetspecError as other:
    print(other.message, other.fix)


def f(train: bool) -> None:
    print(model.apply(v, np.zeros((1, 4)), train))


short = ns.Network(input=(1, 28, 28), nodes=net.nodes)
long = ns.Network(inputs=net.inputs, nodes=net.nodes, name="long")
print(short.input, long.inputs[0].shape)

fitted: ns.Fitted = ns.fit(net, "digits", epochs=1, progress=False)
print(fitted.test_accuracy, fitted.model.forward(fitted.variables, np.zeros((1, 1, 28, 28))), len(fitted.history))
