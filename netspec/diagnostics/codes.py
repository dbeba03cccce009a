"""The error codes, each with its cause and an example; `netspec explain` prints them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CODES", "Code"]


@dataclass(frozen=True, slots=True)
class Code:
    """What one code means.

    Attributes:
        title: a few words.
        cause: why it happens and what helps.
        wrong: an example that gives the error.
        right: the same, mended.
    """

    title: str
    cause: str
    wrong: str
    right: str


CODES: dict[str, Code] = {
    "E0001": Code(
        "the file cannot be read",
        "There is no such file, it is a folder, or it may not be read.",
        "netspec check lent.net",
        "netspec check lenet.net",
    ),
    "E0002": Code(
        "too many mistakes",
        "After 100 mistakes the rest of the file is not looked at. Often one of the first ones causes the others.",
        "(a file of another language)",
        "(a .net file)",
    ),
    "E0101": Code(
        "a character has no meaning",
        'The .net language uses letters, digits, and ; { } ( ) = , . " # + - * / % < >. Comments begin with #.',
        "conv 20 5x5 @relu",
        "conv 20 5x5 relu",
    ),
    "E0102": Code(
        "a string is not closed",
        "A string begins and ends with a double quote on the same line.",
        'data "digits.npz',
        'data "digits.npz"',
    ),
    "E0103": Code(
        "unexpected word or sign",
        "A command is a name, then arguments separated by spaces: values, words, or key=value.",
        "conv 20, 5x5",
        "conv 20 5x5",
    ),
    "E0104": Code(
        "a `}` closes nothing",
        "Every `}` belongs to a `{` before it.",
        "train { epochs 5 } }",
        "train { epochs 5 }",
    ),
    "E0105": Code(
        "a body without a command",
        "A `{` stands on the line of the command it belongs to, or begins the line below it.",
        "train\n\n{ epochs 5 }",
        "train { epochs 5 }",
    ),
    "E0106": Code(
        "a `{` is never closed",
        "Every `{` needs a `}`, and every `(` a `)`.",
        "train {\n  epochs 5",
        "train {\n  epochs 5\n}",
    ),
    "E0107": Code(
        "the spec is too large",
        "A spec has at most 1 MB, so that no file can exhaust the machine.",
        "(a file of 2 MB)",
        "(a network in ten lines)",
    ),
    "E0108": Code(
        "the spec is empty",
        "There is nothing in the file but comments and blank lines.",
        "# to be written",
        "fc 10 softmax\ndata digits",
    ),
    "E0109": Code(
        "the file is not text",
        "A spec is UTF-8 text. A trained model (.safetensors) is used with `netspec predict` and `netspec eval`.",
        "netspec check best.safetensors",
        "netspec check spec.net",
    ),
    "E0110": Code(
        "nested too deeply",
        "Parentheses and bodies nest at most 64 deep, and with blocks and includes counted in at most 80, so that no "
        "file can exhaust the machine.",
        "fc ((((…))))",
        "fc 10",
    ),
    "E0111": Code(
        "a number with too many digits",
        "No size in a network needs more than 18 digits.",
        "fc 10000000000000000000",
        "fc 10",
    ),
    "E0112": Code(
        "a character that cannot be seen",
        "Characters that turn the direction of text around, or take no room, make a spec look other than what it says. "
        "The first are refused everywhere, in comments too; the others in commands and strings.",
        "fc<U+200B> 10",
        "fc 10",
    ),
    "E0113": Code(
        "a letter or digit beyond ASCII",
        "Names and numbers are written in ASCII, since letters of several alphabets look the same. Strings and "
        "comments take any letter.",
        "fс 10          # the second letter is Cyrillic",
        "fc 10",
    ),
    "E0114": Code(
        "a blank that is none",
        "Blanks are spaces and tabs, and lines end in a newline. Other characters that look like a space or like the "
        "end of a line are refused; those that look like the end of a line also in comments and strings.",
        "fc<U+00A0>10",
        "fc 10",
    ),
    "E0115": Code(
        "too many words",
        "A spec has at most 100,000 words and signs, and a command at most 10,000 arguments or bodies, so that no file "
        "can exhaust the machine.",
        "fc 1 1 1 1 …",
        "repeat 100 { fc 1 }",
    ),
    "E0116": Code(
        "a word too long",
        "A name has at most 200 characters, a string 1,000.",
        "let aaaaaaaa… = 1",
        "let a = 1",
    ),
    "E0201": Code(
        "unknown layer or command",
        "The first word of a line names a layer (`netspec layers` lists them) or one of input, let, init, data, train. "
        "Settings such as `epochs` stand inside `train { }` or `data { }`.",
        "cov 20 5x5",
        "conv 20 5x5",
    ),
    "E0202": Code(
        "unknown argument or setting",
        "The layer, or the `train`, `data` or `compile` block, has no argument of this name. `netspec layers NAME` "
        "shows all.",
        "conv 20 5x5 strde=2",
        "conv 20 5x5 stride=2",
    ),
    "E0203": Code(
        "unknown word",
        "A bare word stands for a choice, such as an activation or `same`, or for a `let`. This one is neither.",
        "fc 10 softmx",
        "fc 10 softmax",
    ),
    "E0204": Code(
        "unknown optimizer, schedule, loss, activation or initializer",
        "There is none of this name. `netspec layers` lists all.",
        "train { optimizer adm }",
        "train { optimizer adam }",
    ),
    "E0205": Code(
        "one value too many",
        "Only the first one or two arguments stand without a key; all others are written key=value.",
        "pool 2 2 2",
        "pool 2 stride=2",
    ),
    "E0206": Code(
        "something is missing",
        "An argument without a default was not given.",
        "conv 20",
        "conv 20 5x5",
    ),
    "E0207": Code(
        "a value of the wrong kind",
        "The value is of another type than the argument, or out of its range.",
        "conv 0 5x5",
        "conv 20 5x5",
    ),
    "E0208": Code(
        "an ambiguous word",
        "The word could be the value of several arguments: say which one.",
        "conv 20 5x5 zeros",
        "conv 20 5x5 bias_init=zeros",
    ),
    "E0209": Code(
        "given twice",
        "An argument, a setting or a command that stands once was given twice, or a `let` in a body gives a name a new "
        "value that is lost where the body ends. Nothing is silently overwritten.",
        "conv 20 5x5 relu tanh",
        "conv 20 5x5 relu",
    ),
    "E0210": Code(
        "unknown name",
        "A word that should be a number is not the name of a `let` above it.",
        "let width = 64\nfc (widht * 2)",
        "let width = 64\nfc (width * 2)",
    ),
    "E0211": Code(
        "a body or label in the wrong place",
        "Only `train`, `data` and `compile` take a body; only layers take a label.",
        "pool 2 { }",
        "pool 2",
    ),
    "E0212": Code(
        "arithmetic without a result",
        "Where a whole number is needed, arithmetic must give one: `/` must divide exactly, `//` rounds down. A "
        "condition must be one: a comparison, or a `let` that holds one.",
        "fc (3 / 2)",
        "fc (3 // 2)",
    ),
    "E0213": Code(
        "a reserved word",
        "A `let`, a block or a parameter cannot take one of the words that hold the language together: `as`, `else`, "
        "`in`, `and`, `or`, `not`, `true`, `false`. Every other name is free, and wins over netspec's own words.",
        "let not = 3",
        "let width = 3",
    ),
    "E0214": Code(
        "a name is taken",
        "Two layers cannot carry the same label.",
        "relu as a\nrelu as a",
        "relu as a\nrelu as b",
    ),
    "E0215": Code(
        "unknown label",
        "`add`, `multiply`, `concat` and `from` name layers by the label they were given with `as`, in lines above. In "
        "a block its own labels count, and `input` for what flows into it.",
        "conv 8 3x3\nadd c1",
        "conv 8 3x3 pad=same as c1\nconv 8 3x3 pad=same\nadd c1",
    ),
    "E0216": Code(
        "a block uses itself",
        "A block stands for the lines in it; one that contains itself would never end.",
        "block b { relu; b }\nb",
        "block b { relu }\nrepeat 3 { b }",
    ),
    "E0217": Code(
        "a command that belongs at the top",
        "`input`, `init`, `data`, `train` and `compile` are about the whole network: they stand outside all braces, "
        "each once.",
        "repeat 2 { input 784 }",
        "input 784\nrepeat 2 { fc 10 }",
    ),
    "E0218": Code(
        "the network is too large",
        "A spec expands to at most 100,000 layers, so that no file can exhaust the machine.",
        "repeat 1000000 { relu }",
        "repeat 10 { relu }",
    ),
    "E0219": Code(
        "a file cannot be included",
        '`include "file.net"` reads a file of the spec\'s own folder, or of one below; `include blocks` the library. '
        "Files do not include each other in a circle.",
        "include block",
        "include blocks",
    ),
    "E0220": Code(
        "an `else` without its `if`",
        "`else` stands on the line of the `}` that it follows: a new line begins a new command.",
        "let s = 1\nif (s > 1) { pool 2 }\nelse { relu }\nfc 10",
        "let s = 1\nif (s > 1) { pool 2 } else { relu }\nfc 10",
    ),
    "E0221": Code(
        "a layer that reads no input by name",
        "Where there are several inputs, none of them flows on by itself: `from NAME` says which one a layer reads.",
        "input 4 as left\ninput 4 as right\nfc 2 as a\nfrom right; fc 2; concat a left",
        "input 4 as left\ninput 4 as right\nfrom left; fc 2 as a\nfrom right; fc 2; concat a left",
    ),
    "E0222": Code(
        "an input that nothing reads",
        "Every input is read by a layer: one that is not would have to be given in vain.",
        "input 4 as left\ninput 4 as right\nfrom left; fc 2",
        "input 4 as left\ninput 4 as right\nfrom left; concat right; fc 2",
    ),
    "E0301": Code(
        "a kernel larger than its input",
        "Every convolution and pooling without padding makes the image smaller; the trail shows how.",
        "input 1x4x4\nconv 20 5x5",
        "input 1x4x4\nconv 20 3x3",
    ),
    "E0302": Code(
        "another kind of input is needed",
        "Some layers need an image, channels x height x width; some a sequence, features x length. After fc or flatten "
        "there is one row. Token numbers, as from `input 64 tokens=1000`, are read by `embedding` only.",
        "fc 100\nconv 20 5x5",
        "conv 20 5x5\nfc 100",
    ),
    "E0303": Code(
        "shapes of different size",
        "The values of one shape cannot be read as the other: they are not equally many.",
        "input 20x4x4\nreshape 100",
        "input 20x4x4\nreshape 320",
    ),
    "E0304": Code(
        "outputs and classes differ",
        "The last layer needs one output for each class of the dataset.",
        "data digits\nfc 7 softmax",
        "data digits\nfc 10 softmax",
    ),
    "E0305": Code(
        "outputs of another shape are needed",
        "A dataset with one class for each example needs one row of outputs; where the targets have positions, the "
        "outputs have the same. `triplet`, `contrastive` and `kl` take the outputs apart into equal parts, and `ctc` "
        "takes classes x length. With `target input` there are as many outputs as the input has values.",
        "input 1x8x8\nconv 10 3x3 softmax\ndata digits",
        "input 1x8x8\nconv 10 3x3\nglobalpool\nsoftmax\ndata digits",
    ),
    "E0306": Code(
        "the input is not known",
        "The spec has neither an `input` nor a built-in dataset to take it from.",
        "fc 10 softmax",
        "input 1x28x28\nfc 10 softmax",
    ),
    "E0307": Code(
        "too large",
        "The network, or one value of it, would have more than 4,000,000,000 numbers. It is refused before anything "
        "is allocated. Or a training would have more than 2,147,483,647 steps.",
        "input 1000000\nfc 1000000",
        "input 1000000\nfc 100",
    ),
    "E0308": Code(
        "input and dataset differ",
        "The images of the dataset have another number of channels, or a row of inputs has another length; or the "
        "input is token numbers, which no image is and nothing scales; or `augment` or `views` asks for what cannot be "
        "done with these inputs.",
        "input 3x28x28\ndata mnist",
        "input 1x28x28\ndata mnist",
    ),
    "E0309": Code(
        "arguments that contradict the input",
        "Groups must divide the channels and the filters, attention heads the features; padding must be smaller than "
        "the pooling window; a part must lie within its whole; on a sequence a size is one number; what is normalized "
        "has more than one value. Softmax needs two values: the share of one alone is always 1, so that two classes "
        "take `fc 2 softmax` or `fc 1 sigmoid`.",
        "input 3x8x8\nconv 4 3x3 groups=2",
        "input 4x8x8\nconv 4 3x3 groups=2",
    ),
    "E0310": Code(
        "the ways that meet have different shapes",
        "`add`, `multiply` and their like need inputs of one shape; `concat` needs one height and width. "
        "`netspec show` on the part above tells the shapes. `pad=same` keeps a size, and a 1x1 convolution changes the "
        "number of channels.",
        "input 8x6x6\nconv 8 3x3 as a; conv 8 3x3; add a",
        "input 8x6x6\nconv 8 3x3 as a; conv 8 3x3 pad=same; add a",
    ),
    "E0311": Code(
        "the recipe asks for what is not measured",
        "`best` and `early_stop on=` name a measurement: of the training, the validation or the test set, a loss or a "
        "metric; `metrics` names metrics. A validation set is there only where examples are held out for it, and each "
        "metric is of some of what outputs can say: one class of several or of two, several labels at once, numbers.",
        "input 1x8x8\nfc 10 softmax\ndata digits\ntrain { early_stop on=val_loss }",
        "input 1x8x8\nfc 10 softmax\ndata digits { validation 200 }\ntrain { early_stop on=val_loss }",
    ),
    "E0313": Code(
        "targets outside the range of the loss",
        "Binary cross-entropy compares probabilities, 0 to 1. With `target input` the inputs are the targets, as "
        "`scale` or `normalize` make them. Outside of 0..1 the loss has no least value: it falls below 0, and the "
        "network learns to give anything but its input.",
        "data digits { target input; scale -1..1 }\nfc 64 sigmoid",
        "data digits { target input }\nfc 64 sigmoid",
    ),
    "E0314": Code(
        "the data file is not what is needed",
        "A path after `data` names an `.npz` file with the arrays x_train, y_train, x_test and y_test, for several "
        "inputs or outputs NAME_train and NAME_test of each, or a folder with the four IDX files of MNIST, beside the "
        "spec or below its folder. `netspec check` looks whether it is there and what it says of names, types, sizes "
        "and classes; other values are looked at when the training begins. "
        "docs/your_data.md says what each array has to be.",
        'input 4\nfc 3 softmax\ndata "nothere.npz"',
        'input 4\nfc 3 softmax\ndata "here.npz"',
    ),
    "E0315": Code(
        "weights that cannot be shared",
        "`share=LABEL` uses all weights of another layer: both are of one kind, and need weights of the same shapes. "
        "An `fc` can also use the vectors of an `embedding`, where it reads as many features as they have and gives "
        "one output for each token.",
        "input 8\nfc 4 as a\nfc 4 share=a",
        "input 4\nfc 4 as a\nfc 4 share=a",
    ),
    "E0316": Code(
        "a layer that cannot tell padding",
        "With `mask=` in the input, positions that hold that token are padding and count in nothing. Layers that go "
        "over each position by itself, attention, recurrent layers, `globalpool`, `take` and convolutions that keep "
        "the length know what is padding; others would take it for values.",
        "input 16 tokens=50 mask=0\nembedding 8\nflatten\nfc 2 softmax",
        "input 16 tokens=50 mask=0\nembedding 8\nglobalpool\nfc 2 softmax",
    ),
    "E0318": Code(
        "an argument of the loss does not fit the classes",
        "`class_weights` has a weight for each output, in their order, or names some classes; `blank` of ctc is one of "
        "the outputs, counted from 0.",
        'input 4\nfc 3 softmax\ntrain { loss cross_entropy class_weights="1 2" }',
        'input 4\nfc 3 softmax\ntrain { loss cross_entropy class_weights="1 2 0.5" }',
    ),
    "E0331": Code(
        "nothing to train",
        "`freeze` covers every weight, so that a training would change none. `unfreeze` takes parts out of it.",
        "fc 8 relu\nfc 3 softmax as head\nfreeze all",
        "fc 8 relu\nfc 3 softmax as head\nfreeze all\nunfreeze head",
    ),
    "E0332": Code(
        "a part that is trained as if nothing were said",
        "What `freeze`, `unfreeze` or `rate` says of a part must change something: the part has weights, `unfreeze` "
        "takes it out of what is frozen, `rate` is of weights that are trained, and `until=` ends before the training.",
        "fc 8 relu as stem\nfc 3 softmax as head\nunfreeze head",
        "fc 8 relu as stem\nfc 3 softmax as head\nfreeze all\nunfreeze head",
    ),
    "E0333": Code(
        "the weights cannot be read",
        "`weights` names a model file, a run folder, or a `.safetensors` file of arrays whose names are those of the "
        "network's weights, beside the spec or below its folder. The path is not there, or is another kind of file.",
        'fc 3 softmax\nweights "nothere.safetensors"',
        'fc 3 softmax\nweights "base.safetensors"',
    ),
    "E0334": Code(
        "weights of another network",
        "No array of the file has the name and the shape of a weight of this network, so that nothing would be taken. "
        "Layers are named as `netspec show` prints them.",
        'fc 3 softmax as head\nweights "other.safetensors"',
        'fc 3 softmax\nweights "base.safetensors"',
    ),
    "E0401": Code(
        "unknown dataset",
        "There is no built-in dataset of this name (`netspec data list`). A path stands in quotes.",
        "data mnst",
        "data mnist",
    ),
    "E0402": Code(
        "the loss does not fit the last layer",
        "cross_entropy goes with softmax or plain outputs, binary_cross_entropy with sigmoid, focal and dice with "
        "either; poisson, contrastive and ctc are not for classes. Left out, it follows from the last layer: plain "
        "outputs are taken as the logits of classes where the data has classes, and outputs of relu, tanh and the like "
        "go with no loss for classes but one that is stated. With `target input` there are no classes, and "
        "cross_entropy does not go with any.",
        "fc 3 sigmoid\ntrain { loss cross_entropy }",
        "fc 3 softmax\ntrain { loss cross_entropy }",
    ),
    "E0403": Code(
        "a path outside the spec's folder",
        "A spec is data that may come from anywhere: it reads files in its own folder only. --data takes any path.",
        'data "/home/me/digits.npz"',
        'data "digits.npz"',
    ),
    "E0404": Code(
        "no layers",
        "A network has at least one layer.",
        "input 1x28x28",
        "input 1x28x28\nfc 10 softmax",
    ),
    "E0405": Code(
        "an output that nothing reads",
        "The output of a network is its last layer, or the layers that `output` names. A way that was left with `from` "
        "must be merged again by `add`, `concat` or the like, or be an output too.",
        "conv 8 3x3 as a; relu\nfrom a\nfc 10 softmax",
        "conv 8 3x3 as a; relu\nconcat a\nfc 10 softmax",
    ),
    "E0406": Code(
        "what the data has is not known",
        "`classes` and `tokens` stand for how many the data has. Of built-in datasets and of texts that is known; for "
        "other data the spec says the number.",
        "fc classes softmax",
        "data digits\nfc classes softmax",
    ),
    "E0501": Code(
        "a budget is not kept",
        "An `assert` states a limit for the whole network: params, flops (of one example), memory (bytes of a training "
        "step at the recipe's batch) or inference_memory.",
        "fc 1000\nfc 10 softmax\nassert params < 1k",
        "fc 10\nfc 10 softmax\nassert params < 10k",
    ),
}
"""Every code, in order."""
