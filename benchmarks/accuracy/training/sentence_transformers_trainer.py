"""sentence-transformers on a tiny random BERT: its trainer, several losses, the older fit,
evaluation.
"""

# judged: sentence_transformers, transformers

import tempfile

from datasets import Dataset
from sentence_transformers import (
    InputExample,
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
    evaluation,
    losses,
)
from sentence_transformers.models import Dense, Pooling, Transformer
from torch.utils.data import DataLoader
from transformers import BertConfig, BertModel, BertTokenizer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "blue", "dog", "cat", "runs"]

with tempfile.TemporaryDirectory() as folder:
    tiny = BertConfig(vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2,
                      num_attention_heads=2, intermediate_size=32, max_position_embeddings=32)
    BertModel(tiny).save_pretrained(folder)
    with open(folder + "/vocab.txt", "w") as file:
        file.write("\n".join(WORDS))
    BertTokenizer(folder + "/vocab.txt").save_pretrained(folder)
    model = SentenceTransformer(
        modules=[Transformer(folder), Pooling(16), Dense(16, 8)], device="cpu")
    first = ["a red dog", "a blue cat", "a dog runs", "a cat runs"] * 4
    second = ["a blue dog", "a red cat", "a red dog runs", "a blue cat runs"] * 4
    scored = Dataset.from_dict(
        {"sentence1": first, "sentence2": second, "score": [0.1, 0.2, 0.7, 0.9] * 4})
    triples = Dataset.from_dict({"anchor": first, "positive": second, "negative": second[::-1]})
    judge = evaluation.EmbeddingSimilarityEvaluator(first, second, [0.1, 0.2, 0.7, 0.9] * 4)
    for data, loss in (
        (scored, losses.CosineSimilarityLoss(model)),
        (scored, losses.CoSENTLoss(model)),
        (triples, losses.TripletLoss(model)),
        (triples, losses.MultipleNegativesRankingLoss(model)),
        (triples, losses.CachedMultipleNegativesRankingLoss(model, mini_batch_size=2)),
        (triples, losses.MatryoshkaLoss(model, losses.TripletLoss(model), [8, 4])),
    ):
        arguments = SentenceTransformerTrainingArguments(
            folder + "/out", num_train_epochs=1, per_device_train_batch_size=4, save_steps=2,
            logging_steps=1, use_cpu=True, report_to="none", disable_tqdm=True)
        trainer = SentenceTransformerTrainer(
            model, arguments, train_dataset=data, loss=loss, evaluator=judge)
        trainer.train()
        trainer.evaluate()
    examples = [InputExample(texts=[a, b], label=0.5)
                for a, b in zip(first, second, strict=True)]
    model.old_fit([(DataLoader(examples, batch_size=4), losses.CosineSimilarityLoss(model))],
                  epochs=1, warmup_steps=1, show_progress_bar=False,
                  output_path=folder + "/old", checkpoint_path=folder + "/older",
                  checkpoint_save_steps=2)
    model.save(folder + "/saved")
    SentenceTransformer(folder + "/saved", device="cpu").encode(first)
