# left: its scheduler is used
# because: the scheduler is given to the function that trains, which steps it for one phase only.
"""Training and validation in one loop over phases, as transfer learning is often written."""
import torch
from parts import (
    CrossEntropyLoss,
    DataLoader,
    TransferNet,
    classification_dataset,
    set_grad_enabled,
)

dataloaders = {
    'train': DataLoader(classification_dataset(), batch_size=8, shuffle=True),
    'val': DataLoader(classification_dataset(count=24, name="val"), batch_size=8),
}


def train_model(model, criterion, optimizer, scheduler, num_epochs=5):
    history = []
    for epoch in range(num_epochs):
        # Each epoch has a training and validation phase
        for phase in ['train', 'val']:
            if phase == 'train':
                model.train()  # Set model to training mode
            else:
                model.eval()   # Set model to evaluate mode

            running_corrects = 0
            for inputs, labels in dataloaders[phase]:
                # zero the parameter gradients
                optimizer.zero_grad()

                # track history if only in train
                with set_grad_enabled(phase == 'train'):
                    outputs = model(inputs)
                    preds = outputs.argmax(1)
                    loss = criterion(outputs, labels)

                    # backward + optimize only if in training phase
                    if phase == 'train':
                        loss.backward()
                        optimizer.step()

                history.append(loss.item())
                running_corrects += (preds == labels).sum().item()
            if phase == 'train':
                scheduler.step()
            print(f'{phase} Acc: {running_corrects / len(dataloaders[phase].dataset):.4f}')
    return model, history


model_ft = TransferNet()
optimizer_ft = torch.optim.SGD(model_ft.parameters(), lr=0.05, momentum=0.9)
exp_lr_scheduler = torch.optim.lr_scheduler.StepLR(optimizer_ft, step_size=3, gamma=0.1)
model_ft, losses = train_model(model_ft, CrossEntropyLoss(), optimizer_ft, exp_lr_scheduler)
MODELS = [model_ft]
