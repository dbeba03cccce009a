import keras
from keras import layers


def bn_relu(x):
    return layers.ReLU()(layers.BatchNormalization()(x))


def separable(x, filters, stride=1):
    x = bn_relu(layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(x))
    return bn_relu(layers.Conv2D(filters, 1, use_bias=False)(x))


inputs = keras.Input((224, 224, 3))
x = bn_relu(layers.Conv2D(32, 3, 2, padding="same", use_bias=False)(inputs))
x = separable(x, 64)
for filters in [128, 256]:
    x = separable(x, filters, 2)
    x = separable(x, filters)
x = separable(x, 512, 2)
for _ in range(5):
    x = separable(x, 512)
x = separable(x, 1024, 2)
x = separable(x, 1024)
x = layers.GlobalAveragePooling2D()(x)
outputs = layers.Dense(1000, activation="softmax")(x)
mobilenet = keras.Model(inputs, outputs)
