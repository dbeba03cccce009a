import torch
from torch import nn


class GPT2(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(50257, 768)
        self.positions = nn.Embedding(1024, 768)
        self.dropout = nn.Dropout(0.1)
        layer = nn.TransformerEncoderLayer(768, 12, 3072, activation=nn.GELU("tanh"), batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 12, nn.LayerNorm(768))

    def forward(self, tokens):
        length = tokens.shape[1]
        x = self.dropout(self.words(tokens) + self.positions(torch.arange(length)))
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        return self.layers(x, mask, is_causal=True) @ self.words.weight.T


gpt2 = GPT2()
