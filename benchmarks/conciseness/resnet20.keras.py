import keras
from keras import layers


def conv_bn(x, filters, kernel=3, stride=1):
    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False)(x)
    return layers.BatchNormalization()(x)


def block(x, filters, stride=1):
    shortcut = conv_bn(x, filters, 1, stride) if stride > 1 else x
    x = layers.ReLU()(conv_bn(x, filters, stride=stride))
    x = conv_bn(x, filters)
    return layers.ReLU()(layers.add([x, shortcut]))


inputs = keras.Input((32, 32, 3))
x = layers.ReLU()(conv_bn(inputs, 16))
for filters, stride in [(16, 1), (32, 2), (64, 2)]:
    x = block(x, filters, stride)
    x = block(x, filters)
    x = block(x, filters)
x = layers.GlobalAveragePooling2D()(x)
outputs = layers.Dense(10, activation="softmax")(x)
resnet20 = keras.Model(inputs, outputs)
