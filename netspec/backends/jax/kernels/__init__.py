"""The numerics of the JAX back end: plain functions on arrays that know nothing of graphs.

- `conv`: two-dimensional convolution, `conv2d`, and the rule `choose` that picks its lowering.
- `deconv`: its transpose, likewise.
- `pool`: maximum and average pooling of windows and of whole images.
- `norm`: batch normalization, in training and in inference; layer, group and local response normalization.
- `activation`: the table `FUNCTIONS` of activation functions by name.
- `recurrent`: LSTM, GRU and the plain recurrence, each one scan.
- `attention`: scaled dot-product attention of several heads, and sinusoidal positions.
- `vectors`: two vectors to one number: their dot product, their cosine.
- `dropout`, `noise`: inverted dropout and additive noise.
- `resize`: borders, parts, enlargement and rearrangement of images and sequences.
- `loss`: losses at each position, from logits, outputs or probabilities.
- `loss_vectors`: losses of vectors: distances, angles, a distribution, an alignment.

Images are NHWC, sequences NLC, convolution kernels OIHW.  An operation with more than one lowering has one public
function with a `strategy` argument, a table `STRATEGIES` of the lowerings by name, and a pure function `choose` that
names the one to use and says where that was measured.
"""
