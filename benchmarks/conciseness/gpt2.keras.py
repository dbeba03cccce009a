import keras
from keras import layers, ops


class Positions(layers.Layer):
    def build(self, shape):
        self.table = self.add_weight(shape=shape[1:])

    def call(self, x):
        return x + self.table


def block(x):
    y = layers.LayerNormalization()(x)
    y = layers.MultiHeadAttention(12, 64, dropout=0.1)(y, y, use_causal_mask=True)
    x = x + layers.Dropout(0.1)(y)
    y = layers.LayerNormalization()(x)
    y = layers.Dense(768)(ops.gelu(layers.Dense(3072)(y)))
    return x + layers.Dropout(0.1)(y)


inputs = keras.Input((1024,), dtype="int32")
words = layers.Embedding(50257, 768)
x = layers.Dropout(0.1)(Positions()(words(inputs)))
for _ in range(12):
    x = block(x)
x = layers.LayerNormalization()(x)
outputs = ops.softmax(x @ ops.transpose(words.embeddings))
gpt2 = keras.Model(inputs, outputs)
