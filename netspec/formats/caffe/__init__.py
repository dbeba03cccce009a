"""Networks of Caffe."""
