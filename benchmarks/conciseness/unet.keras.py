import keras
from keras import layers


def double(x, filters):
    x = layers.Conv2D(filters, 3, activation="relu")(x)
    return layers.Conv2D(filters, 3, activation="relu")(x)


x = inputs = keras.Input((572, 572, 1))
skips = []
for filters in [64, 128, 256, 512]:
    x = double(x, filters)
    skips.append(x)
    x = layers.MaxPooling2D()(x)
x = double(x, 1024)
for filters in [512, 256, 128, 64]:
    x, skip = layers.Conv2DTranspose(filters, 2, 2)(x), skips.pop()
    edge = (skip.shape[1] - x.shape[1]) // 2
    x = layers.Concatenate()([layers.Cropping2D(edge)(skip), x])
    x = double(x, filters)
outputs = layers.Conv2D(2, 1, activation="softmax")(x)
unet = keras.Model(inputs, outputs)
