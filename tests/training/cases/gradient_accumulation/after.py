import torch
from parts import MLP, MSELoss, regression_batches

accumulation_steps = 4

model = MLP()
criterion = MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)

losses = []
for epoch in range(5):
    optimizer.zero_grad()                        # Reset gradients tensors
    for i, (inputs, labels) in enumerate(regression_batches(count=48)):
        predictions = model(inputs)              # Forward pass
        loss = criterion(predictions, labels)    # Compute loss function
        loss = loss / accumulation_steps         # Normalize our loss (if averaged)
        loss.backward()                          # Backward pass
        if (i + 1) % accumulation_steps == 0:    # Wait for several backward steps
            # jaxport: JXP202 not ported: gradients are accumulated over several batches
            optimizer.step()                     # Now we can do an optimizer step
            optimizer.zero_grad()                # Reset gradients tensors
        losses.append(loss.item())

MODELS = [model]
