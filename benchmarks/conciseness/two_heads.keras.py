import keras
from keras import layers

x = inputs = keras.Input((64, 64, 3))
for filters in [32, 64, 128]:
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D()(x)
x = layers.GlobalAveragePooling2D()(x)
kind = layers.Dense(5, activation="softmax", name="kind")(x)
age = layers.Dense(1, name="age")(x)
two_heads = keras.Model(inputs, [kind, age])
