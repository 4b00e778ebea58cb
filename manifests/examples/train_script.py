"""A training loop of your own under Tandem: the four lines that mention `run` are all it takes."""

import torch
from tandem_trainer import script

WIDTH, BATCH = 32, 64


def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs [BATCH, WIDTH] and their sums [BATCH, 1]; made from the step, so that a resumed run sees the same ones."""
    generator = torch.Generator().manual_seed(step)
    x_BW = torch.randn(BATCH, WIDTH, generator=generator)  # B batch, W width
    return x_BW, x_BW.sum(dim=1, keepdim=True)


def main() -> None:
    """Teach a small network to add."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(WIDTH, 128), torch.nn.GELU(), torch.nn.Linear(128, 1))
    optimizer = torch.optim.AdamW(model.parameters())
    with script.begin(model=model, optimizer=optimizer) as run:
        for at in run.steps():
            for group in optimizer.param_groups:
                group["lr"] = at.learning_rate
            x_BW, y_B1 = batch(at.step)
            loss = torch.nn.functional.mse_loss(model(x_BW), y_B1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.report(loss=loss.item(), tokens=BATCH)
    print("all steps done")


if __name__ == "__main__":
    main()
