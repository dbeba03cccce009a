"""The parts of caffe.proto that describe a network and a solver: numbers, names and types of fields.

A type is `i` (whole number), `b` (true or false), `f` (float), `s` (text), `e` (a word of an enumeration), or the name
of another message. Both forms of a file are read with this table: text by the names, binary by the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ENUMS", "MESSAGES", "V1_TYPES", "Field"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message: its name, its type, and the enumeration that it is a word of."""

    name: str
    type: str


def _fields(text: str) -> Mapping[int, Field]:
    """Return fields by number, of `number name type` separated by commas."""
    made = {}
    for entry in text.split(","):
        number, name, kind = entry.split()
        made[int(number)] = Field(name, kind)
    return made


MESSAGES: Mapping[str, Mapping[int, Field]] = {
    "Net": _fields(
        "1 name s, 2 layers V1Layer, 3 input s, 4 input_dim i, 5 force_backward b, 6 state State, 7 debug_info b, "
        "8 input_shape Shape, 100 layer Layer"
    ),
    "State": _fields("1 phase e:Phase, 2 level i, 3 stage s"),
    "Rule": _fields("1 phase e:Phase, 2 min_level i, 3 max_level i, 4 stage s, 5 not_stage s"),
    "Shape": _fields("1 dim i"),
    "Blob": _fields(
        "1 num i, 2 channels i, 3 height i, 4 width i, 5 data F, 6 diff F, 7 shape Shape, "
        "8 double_data D, 9 double_diff D"
    ),
    "Param": _fields("1 name s, 2 share_mode e:ShareMode, 3 lr_mult f, 4 decay_mult f"),
    "Layer": _fields(
        "1 name s, 2 type s, 3 bottom s, 4 top s, 5 loss_weight f, 6 param Param, 7 blobs Blob, 8 include Rule, "
        "9 exclude Rule, 10 phase e:Phase, 11 propagate_down b, 100 transform_param Transform, 101 loss_param Loss, "
        "102 accuracy_param Accuracy, 104 concat_param Concat, 106 convolution_param Convolution, 107 data_param Data, "
        "108 dropout_param Dropout, 110 eltwise_param Eltwise, 111 exp_param Exp, 115 image_data_param ImageData, "
        "117 inner_product_param InnerProduct, 118 lrn_param LRN, 119 memory_data_param MemoryData, "
        "120 mvn_param MVN, 121 pooling_param Pooling, 122 power_param Power, 123 relu_param ReLU, "
        "124 sigmoid_param Engine, 125 softmax_param Softmax, 126 slice_param Slice, 127 tanh_param Engine, "
        "128 threshold_param Threshold, 131 prelu_param PReLU, 133 reshape_param Reshape, 134 log_param Exp, "
        "135 flatten_param Flatten, 136 reduction_param Reduction, 139 batch_norm_param BatchNorm, 140 elu_param ELU, "
        "141 bias_param Bias, 142 scale_param Scale, 143 input_param Input, 144 crop_param Crop, "
        "147 swish_param Swish, 148 clip_param Clip, 103 argmax_param Opaque, "
        "105 contrastive_loss_param Opaque, 109 dummy_data_param Opaque, "
        "112 hdf5_data_param Opaque, 113 hdf5_output_param Opaque, 114 hinge_loss_param Opaque, "
        "116 infogain_loss_param Opaque, 129 window_data_param Opaque, 130 python_param Opaque, 132 spp_param Opaque, "
        "137 embed_param Opaque, 138 tile_param Opaque, 145 parameter_param Opaque, 146 recurrent_param Opaque"
    ),
    "V1Layer": _fields(
        "1 layer Opaque, 2 bottom s, 3 top s, 4 name s, 5 type e:V1Type, 6 blobs Blob, 7 blobs_lr f, 8 weight_decay f, "
        "9 concat_param Concat, 10 convolution_param Convolution, 11 data_param Data, 12 dropout_param Dropout, "
        "15 image_data_param ImageData, 17 inner_product_param InnerProduct, 18 lrn_param LRN, "
        "19 pooling_param Pooling, 21 power_param Power, 22 memory_data_param MemoryData, 24 eltwise_param Eltwise, "
        "25 threshold_param Threshold, 27 accuracy_param Accuracy, 30 relu_param ReLU, 31 slice_param Slice, "
        "32 include Rule, 33 exclude Rule, 34 mvn_param MVN, 35 loss_weight f, 36 transform_param Transform, "
        "37 tanh_param Engine, 38 sigmoid_param Engine, 39 softmax_param Softmax, 41 exp_param Exp, "
        "42 loss_param Loss, 1001 param s, 1002 blob_share_mode e:ShareMode, 13 hdf5_data_param Opaque, "
        "14 hdf5_output_param Opaque, "
        "16 infogain_loss_param Opaque, 20 window_data_param Opaque, 23 argmax_param Opaque, "
        "26 dummy_data_param Opaque, 29 hinge_loss_param Opaque, 40 contrastive_loss_param Opaque"
    ),
    "Transform": _fields(
        "1 scale f, 2 mirror b, 3 crop_size i, 4 mean_file s, 5 mean_value f, 6 force_color b, 7 force_gray b"
    ),
    "Loss": _fields("1 ignore_label i, 2 normalize b, 3 normalization e:Normalization"),
    "Accuracy": _fields("1 top_k i, 2 axis i, 3 ignore_label i"),
    "Concat": _fields("1 concat_dim i, 2 axis i"),
    "Slice": _fields("1 slice_dim i, 2 slice_point i, 3 axis i"),
    "Filler": _fields(
        "1 type s, 2 value f, 3 min f, 4 max f, 5 mean f, 6 std f, 7 sparse i, 8 variance_norm e:VarianceNorm"
    ),
    "Convolution": _fields(
        "1 num_output i, 2 bias_term b, 3 pad i, 4 kernel_size i, 5 group i, 6 stride i, 7 weight_filler Filler, "
        "8 bias_filler Filler, 9 pad_h i, 10 pad_w i, 11 kernel_h i, 12 kernel_w i, 13 stride_h i, 14 stride_w i, "
        "15 engine e:Engine, 16 axis i, 17 force_nd_im2col b, 18 dilation i"
    ),
    "Data": _fields(
        "1 source s, 2 scale f, 3 mean_file s, 4 batch_size i, 5 crop_size i, 6 mirror b, 7 rand_skip i, "
        "8 backend e:Backend, 9 force_encoded_color b, 10 prefetch i"
    ),
    "ImageData": _fields(
        "1 source s, 2 scale f, 3 mean_file s, 4 batch_size i, 5 crop_size i, 6 mirror b, 7 rand_skip i, 8 shuffle b, "
        "9 new_height i, 10 new_width i, 11 is_color b, 12 root_folder s"
    ),
    "MemoryData": _fields("1 batch_size i, 2 channels i, 3 height i, 4 width i"),
    "Dropout": _fields("1 dropout_ratio f, 2 scale_train b"),
    "Eltwise": _fields("1 operation e:EltwiseOp, 2 coeff f, 3 stable_prod_grad b"),
    "Exp": _fields("1 base f, 2 scale f, 3 shift f"),
    "InnerProduct": _fields(
        "1 num_output i, 2 bias_term b, 3 weight_filler Filler, 4 bias_filler Filler, 5 axis i, 6 transpose b"
    ),
    "LRN": _fields("1 local_size i, 2 alpha f, 3 beta f, 4 norm_region e:NormRegion, 5 k f, 6 engine e:Engine"),
    "MVN": _fields("1 normalize_variance b, 2 across_channels b, 3 eps f"),
    "Pooling": _fields(
        "1 pool e:PoolMethod, 2 kernel_size i, 3 stride i, 4 pad i, 5 kernel_h i, 6 kernel_w i, 7 stride_h i, "
        "8 stride_w i, 9 pad_h i, 10 pad_w i, 11 engine e:Engine, 12 global_pooling b, 13 round_mode e:RoundMode"
    ),
    "Power": _fields("1 power f, 2 scale f, 3 shift f"),
    "ReLU": _fields("1 negative_slope f, 2 engine e:Engine"),
    "Engine": _fields("1 engine e:Engine"),
    "Softmax": _fields("1 engine e:Engine, 2 axis i"),
    "Threshold": _fields("1 threshold f"),
    "PReLU": _fields("1 filler Filler, 2 channel_shared b"),
    "Reshape": _fields("1 shape Shape, 2 axis i, 3 num_axes i"),
    "Flatten": _fields("1 axis i, 2 end_axis i"),
    "Reduction": _fields("1 operation e:ReductionOp, 2 axis i, 3 coeff f"),
    "BatchNorm": _fields("1 use_global_stats b, 2 moving_average_fraction f, 3 eps f"),
    "ELU": _fields("1 alpha f"),
    "Bias": _fields("1 axis i, 2 num_axes i, 3 filler Filler"),
    "Scale": _fields("1 axis i, 2 num_axes i, 3 filler Filler, 4 bias_term b, 5 bias_filler Filler"),
    "Input": _fields("1 shape Shape"),
    "Crop": _fields("1 axis i, 2 offset i"),
    "Swish": _fields("1 beta f"),
    "Clip": _fields("1 min f, 2 max f"),
    "Solver": _fields(
        "1 train_net s, 2 test_net s, 3 test_iter i, 4 test_interval i, 5 base_lr f, 6 display i, 7 max_iter i, "
        "8 lr_policy s, 9 gamma f, 10 power f, 11 momentum f, 12 weight_decay f, 13 stepsize i, 14 snapshot i, "
        "15 snapshot_prefix s, 16 snapshot_diff b, 17 solver_mode e:SolverMode, 18 device_id i, "
        "19 test_compute_loss b, 20 random_seed i, 21 train_net_param Net, 22 test_net_param Net, "
        "23 debug_info b, 24 net s, 25 net_param Net, "
        "26 train_state State, 27 test_state State, 28 snapshot_after_train b, 29 regularization_type s, "
        "30 solver_type e:SolverType, 31 delta f, 32 test_initialization b, 33 average_loss i, 34 stepvalue i, "
        "35 clip_gradients f, 36 iter_size i, 37 snapshot_format e:SnapshotFormat, 38 rms_decay f, 39 momentum2 f, "
        "40 type s, 41 layer_wise_reduce b, 42 weights s"
    ),
}
"""Messages by name. `Opaque` ones are skipped over: the layers that have them are not understood."""

V1_TYPES: Mapping[int, str] = dict(
    enumerate(
        [
            "None",
            "Accuracy",
            "BNLL",
            "Concat",
            "Convolution",
            "Data",
            "Dropout",
            "EuclideanLoss",
            "Flatten",
            "HDF5Data",
            "HDF5Output",
            "Im2col",
            "ImageData",
            "InfogainLoss",
            "InnerProduct",
            "LRN",
            "MultinomialLogisticLoss",
            "Pooling",
            "ReLU",
            "Sigmoid",
            "Softmax",
            "SoftmaxWithLoss",
            "Split",
            "TanH",
            "WindowData",
            "Eltwise",
            "Power",
            "SigmoidCrossEntropyLoss",
            "HingeLoss",
            "MemoryData",
            "ArgMax",
            "Threshold",
            "DummyData",
            "Slice",
            "MVN",
            "AbsVal",
            "Silence",
            "ContrastiveLoss",
            "Exp",
            "Deconvolution",
        ]
    )
)
"""The types of layers of before 2014 by number, as they are called since."""

ENUMS: Mapping[str, Mapping[int, str]] = {
    "Phase": {0: "TRAIN", 1: "TEST"},
    "PoolMethod": {0: "MAX", 1: "AVE", 2: "STOCHASTIC"},
    "RoundMode": {0: "CEIL", 1: "FLOOR"},
    "EltwiseOp": {0: "PROD", 1: "SUM", 2: "MAX"},
    "NormRegion": {0: "ACROSS_CHANNELS", 1: "WITHIN_CHANNEL"},
    "VarianceNorm": {0: "FAN_IN", 1: "FAN_OUT", 2: "AVERAGE"},
    "Engine": {0: "DEFAULT", 1: "CAFFE", 2: "CUDNN"},
    "ReductionOp": {1: "SUM", 2: "ASUM", 3: "SUMSQ", 4: "MEAN"},
    "SolverType": {0: "SGD", 1: "NESTEROV", 2: "ADAGRAD", 3: "RMSPROP", 4: "ADADELTA", 5: "ADAM"},
    "Normalization": {0: "FULL", 1: "VALID", 2: "BATCH_SIZE", 3: "NONE"},
    "V1Type": V1_TYPES,
}
"""The enumerations whose words matter; of others the number is kept."""
