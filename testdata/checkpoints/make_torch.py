"""Writes the checkpoints of this folder that need PyTorch: what a training loop saves, whole and without its optimizer.

    python3 make_torch.py
"""

import torch

torch.manual_seed(3)
model = torch.nn.Sequential(torch.nn.Linear(12, 24), torch.nn.ReLU(), torch.nn.Linear(24, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=0.02)
for _ in range(60):
    x = torch.randn(32, 12)
    loss = torch.nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long() + (x[:, 1] > 1).long())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
whole = {"epoch": 3, "global_step": 60, "loops": {"fit": 1}, "lr_schedulers": [], "state_dict": model.state_dict(),
         "optimizer_states": [optimizer.state_dict()], "hyper_parameters": {"lr": 0.003, "batch_size": 32, "name": "small"}}
torch.save(whole, "honest_resumable.ckpt")
del whole["optimizer_states"]
torch.save(whole, "without_optimizer.ckpt")
