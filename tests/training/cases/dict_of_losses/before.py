import torch
from parts import MultiTaskNet, cross_entropy, mse_loss, multi_task_batches

model = MultiTaskNet()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
weights = {"class": 1.0, "value": 0.5}
running = {name: 0.0 for name in weights}

losses = []
for epoch in range(5):
    model.train()
    for batch in multi_task_batches():
        output = model(batch["inputs"])
        loss_dict = {
            "class": cross_entropy(output["class"], batch["labels"]),
            "value": mse_loss(output["value"], batch["values"]),
        }
        total_loss = sum(weights[name] * loss_dict[name] for name in weights)

        optimizer.zero_grad()
        total_loss.backward()
        optimizer.step()

        for name, value in loss_dict.items():
            running[name] += value.item()
        losses.append(total_loss.item())
    print(", ".join(f"{name}: {value:.3f}" for name, value in running.items()))

MODELS = [model]
