"""Puts a model's frozen linear layers on oneDNN, whose fp32 product takes the widest registers of every CPU.

PyTorch's own fp32 product goes to MKL, which keeps to 256 bits on CPUs that are not Intel's: there a peer with oneDNN is the stronger one.
Layers whose weights are trained (LoRA's A and B) stay PyTorch's.
"""
import torch


def product(x, weight, bias=None):
    """x weight^T + bias by oneDNN, the operator that torch.compile emits; eager mode never chooses it in fp32."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


class FrozenProduct(torch.autograd.Function):
    """The operator has no derivative; that of a frozen layer is one more product, so none is needed for the weight."""

    @staticmethod
    def forward(context, x, weight, bias, transposed):
        context.transposed = transposed
        return product(x, weight, bias)

    @staticmethod
    def backward(context, gradient):
        return product(gradient.contiguous(), context.transposed), None, None, None


class OneDnnLinear(torch.nn.Module):
    """Stands for a frozen torch.nn.Linear."""

    def __init__(self, linear):
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        # Under the names that PEFT looks for. The weight is the same tensor, so that tied embeddings remain tied.
        self.register_buffer("weight", linear.weight.detach(), persistent=False)
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach(), persistent=False)
        # A second copy beside the first: an operand of the operator has to be contiguous.
        self.register_buffer("transposed", self.weight.t().contiguous(), persistent=False)

    def forward(self, x):
        if x.requires_grad and torch.is_grad_enabled():
            return FrozenProduct.apply(x, self.weight, self.bias, self.transposed)
        return product(x, self.weight, self.bias)


def with_onednn(model, ids):
    """The model with its frozen linears replaced, after a check that its logits for ids remain what they were."""
    if not torch.backends.mkldnn.is_available():
        raise SystemExit("--onednn: this build of torch has no oneDNN")
    training = model.training
    model.eval()
    with torch.no_grad():
        before = model(input_ids=ids, use_cache=False).logits
        found = [(parent, name, child) for parent in model.modules() for name, child in parent.named_children()
                 if type(child) is torch.nn.Linear and not child.weight.requires_grad]
        if not found:
            raise SystemExit("--onednn: the model has no frozen linear layer")
        for parent, name, child in found:
            setattr(parent, name, OneDnnLinear(child))
        after = model(input_ids=ids, use_cache=False).logits
    error = ((after - before).abs().max() / before.abs().max()).item()
    if error > 1e-4:
        raise SystemExit(f"--onednn: logits differ by {error:.1e} of the largest")
    return model.train(training)
